use super::*;
use crate::report::sample;

#[test]
fn a_case_is_one_line() {
    let run = sample::run();
    let lines: Vec<_> = run.cases.iter().map(|case| case_line(case, Differing::default(), Colour::Never)).collect();

    insta::assert_snapshot!(lines.join("\n"), @r"
    ✓ fix-holds      code-flows/login-form-double-click           chromium                    20.5 s  2 of 2 wrong fixes caught
    ✓ not-reproduced code-flows/verification-other-browser        webkitgtk                    4.0 s
    ✗ fix-fails      code-flows/recovery-form-double-click        firefox                      9.1 s  expected fix-holds
    ! error          tenants/two-endpoints                        webkitgtk                   14.9 s  expected reproduced
    ");
}

#[test]
fn a_fix_that_fails_says_the_four_things_and_the_trail() {
    insta::assert_snapshot!(failure(&sample::run().cases[2], &Places::default(), Colour::Never), @r"
    ✗ code-flows/recovery-form-double-click (firefox, Kratos v1.3.1): fix-fails, expected fix-holds
      Double click on a recovery code shows an error although the recovery worked
      The symptom shows and the fix does not remove it: two POSTs left the browser 4 ms apart.

      what was being done  checking trial `fixed` after step 6 of 6 in browser a: submit `code` by double click
      what was expected    trial `fixed` shows the problem fixed
                           line 15: no longer: 2 POSTs to `/self-service/login` at the last step
                           line 16: no longer: message 4010002
                           line 20: 1 POST to `/self-service/login` at the last step
      what was seen        it showed the symptom
                           line 15: 2 of them: #7, #8
                           line 16: 4010002 on the page
                           line 20: 2 of them: #7, #8
      where to look        the case file code-flows/recovery-form-double-click, lines 15, 16, 20
                           the exchange #8 a POST ory.example.test/self-service/login -> 303, 412 ms [fault: answer held for 400 ms]
                           the picture trials/code-flows/recovery-form-double-click/fixed/step-6.png
                           the raw evidence in trials/code-flows/recovery-form-double-click/fixed

      the trail of `fixed`
          0.64 s   1 ✓ identity ada@example.test is made
          1.28 s   2 ✓ open the `login` flow in a
          1.92 s   3 ✓ fill `identifier` with ada@example.test
          2.56 s   4 ✓ submit `code`
          3.20 s   5 ✓ fill `code` with code#1
          3.84 s   6 ✓ submit `code` by double click

      the first cause
        two POSTs left the browser 4 ms apart: the button was disabled after the second click

      the last exchanges
          1.18 s  #2 a GET ory.example.test/self-service/login/browser -> 303, 15 ms
          2.36 s  #4 a POST ory.example.test/self-service/login -> 303, 21 ms
          4.13 s  #7 a POST ory.example.test/self-service/login -> 303, 412 ms [fault: answer held for 400 ms]
          4.72 s  #8 a POST ory.example.test/self-service/login -> 303, 412 ms [fault: answer held for 400 ms]
          5.31 s  #9 a GET ory.example.test/sessions/whoami -> 200, 36 ms
    ");
}

#[test]
fn a_step_that_failed_is_what_was_being_done() {
    insta::assert_snapshot!(failure(&sample::run().cases[3], &Places::default(), Colour::Never), @r"
    ! tenants/two-endpoints (webkitgtk, Kratos v1.3.1): error, expected reproduced
      Customers and employees log in through one interface
      Trial `broken` reached no verdict: step 4 could not be taken.

      what was being done  step 4 of 6 in browser a, trial `broken`: submit `code`
      what was expected    line 11: the step can be taken
      what was seen        no button `password` on the page within 10 s; the page last said `502 Bad Gateway`
      where to look        the case file tenants/two-endpoints, line 11
                           the exchange #4 a POST ory.example.test/self-service/login -> 502, 21 ms
                           the picture trials/tenants/two-endpoints/broken/step-4.png
                           the raw evidence in trials/tenants/two-endpoints/broken

      the trail of `broken`
          0.64 s   1 ✓ identity ada@example.test is made
          1.28 s   2 ✓ open the `login` flow in a
          1.92 s   3 ✓ fill `identifier` with ada@example.test
          2.56 s   4 ✗ submit `code`
                   5 - fill `code` with code#1
                   6 - submit `code` by double click

      the first cause
        no button `password` on the page within 10 s; the page last said `502 Bad Gateway`

      the last exchanges
          1.18 s  #2 a GET ory.example.test/self-service/login/browser -> 303, 15 ms
          2.36 s  #4 a POST ory.example.test/self-service/login -> 502, 21 ms
    ");
}

#[test]
fn the_summary_counts_by_claim() {
    insta::assert_snapshot!(summary(&sample::run(), Path::new("out/run"), Colour::Never), @r"
    Failing code flows
      code-flows.second-submit       1 fix-holds, 1 fix-fails (1 not as expected); 2 of 2 wrong fixes caught
                                     emulated: the slow network: answers are held for 400 ms
    `400: Bad Request` on self-service flows
      cross-browser.start-finish     1 not-reproduced
    Customers and employees
      tenants.one-ui                 1 error (1 not as expected)
    Not run
      cross-browser/insomnia         `inso` is not installed (hint: `kratos-repro doctor` says how)
    Not as expected
      ✗ fix-fails      code-flows/recovery-form-double-click        firefox                      9.1 s  expected fix-holds
      ! error          tenants/two-endpoints                        webkitgtk                   14.9 s  expected reproduced

    reproduced: the problem was shown; no cure was tried; not-reproduced: the problem was not seen, or not each time; fix-fails: the cure did not help, or a wrong one passed for one; error: nothing can be said of Kratos, as something around it broke

    2 of 4 cases not as expected, 2 of 2 wrong fixes caught, 1 not run, in 4 min 12 s
    report: out/run/report.html
    ");
}

#[test]
fn a_case_that_ran_several_times_says_how_seldom_it_surprises() {
    let said = summary(&sample::several_times(sample::run()), Path::new("out/run"), Colour::Never);
    let lines: Vec<&str> = said.lines().skip_while(|line| *line != "Several times").take(7).collect();

    insta::assert_snapshot!(lines.join("\n"), @r"
    Several times
      code-flows/login-form-double-click (chromium)                0 of 30 surprised, so below 9.6 % at 95 %
      code-flows/verification-other-browser (webkitgtk)            0 of 30 surprised, so below 9.6 % at 95 %
      code-flows/recovery-form-double-click (firefox)              2 of 30 surprised, so below 20 % at 95 %
        repetition 7: fix-fails: The symptom shows and the fix does not remove it: two POSTs left the browser 4 ms apart. [trials/code-flows/recovery-form-double-click/repetition-7]
        repetition 19: fix-fails: The symptom shows and the fix does not remove it: two POSTs left the browser 4 ms apart. [trials/code-flows/recovery-form-double-click/repetition-19]
      tenants/two-endpoints (webkitgtk)                            0 of 30 surprised, so below 9.6 % at 95 %
    ");
}

#[test]
fn a_run_on_two_versions_tells_which_and_what_does_not_apply() {
    let run = sample::run_on_two_versions();
    let lines: Vec<_> = run.cases.iter().map(|case| case_line(case, Differing::within(&run), Colour::Never)).collect();

    insta::assert_snapshot!(lines.join("\n"), @r"
    ✓ fix-holds      code-flows/login-form-double-click           chromium              Kratos v1.3.1          20.5 s  2 of 2 wrong fixes caught
    ✓ not-reproduced code-flows/verification-other-browser        webkitgtk             Kratos v1.0.0           4.0 s
    ✗ fix-fails      code-flows/recovery-form-double-click        firefox               Kratos v1.0.0           9.1 s  expected fix-holds
    ! error          tenants/two-endpoints                        webkitgtk             Kratos v1.0.0          14.9 s  expected reproduced
    ");
    insta::assert_snapshot!(summary(&run, Path::new("out/run"), Colour::Never), @r"
    Failing code flows
      code-flows.second-submit       1 fix-holds, 1 fix-fails (1 not as expected); 2 of 2 wrong fixes caught
                                     emulated: the slow network: answers are held for 400 ms
    `400: Bad Request` on self-service flows
      cross-browser.start-finish     1 not-reproduced
    Customers and employees
      tenants.one-ui                 1 error (1 not as expected)
    Not run
      cross-browser/insomnia         `inso` is not installed (hint: `kratos-repro doctor` says how)
    Not applicable
      code-flows/login-form-double-click it needs `feature`, which is in Kratos >=1.1
    Configuration of Kratos v1.0.0
      left out: `a.key`: v1.0.0 has no `feature`
    Not as expected
      ✗ fix-fails      code-flows/recovery-form-double-click        firefox               Kratos v1.0.0           9.1 s  expected fix-holds
      ! error          tenants/two-endpoints                        webkitgtk             Kratos v1.0.0          14.9 s  expected reproduced

    reproduced: the problem was shown; no cure was tried; not-reproduced: the problem was not seen, or not each time; fix-fails: the cure did not help, or a wrong one passed for one; error: nothing can be said of Kratos, as something around it broke

    2 of 4 cases not as expected, 2 of 2 wrong fixes caught, 1 not run, 1 not applicable, in 4 min 12 s
    report: out/run/report.html
    ");
}

#[test]
fn colour_comes_only_when_asked_for() {
    let run = sample::run();

    assert!(!summary(&run, Path::new("out"), Colour::Never).contains('\u{1b}'));
    assert!(summary(&run, Path::new("out"), Colour::Always).contains("\u{1b}[31m"));
}

#[test]
fn nothing_that_a_page_or_a_log_contained_steers_the_terminal() -> anyhow::Result<()> {
    let run = sample::run_with_every_text("\u{1b}]0;title\u{7}\u{9b}2J\r\u{202e}")?;

    let texts = run.cases.iter().flat_map(|case| {
        [case_line(case, Differing::KRATOS, Colour::Never), failure(case, &Places::default(), Colour::Never)]
    });
    for text in texts.chain([summary(&run, Path::new("out"), Colour::Never)]) {
        let steering = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!text.contains(steering), "{text:?}");
    }
    Ok(())
}

#[test]
fn nothing_that_a_page_contained_is_a_command_of_a_workflow() -> anyhow::Result<()> {
    for planted in ["::error::x ##[error]y", " ::error::x", "#\u{0}#[error]"] {
        let run = sample::run_with_every_text(planted)?;
        let mut text = summary(&run, Path::new("r"), Colour::Never);
        for case in &run.cases {
            text += &failure(case, &Places::default(), Colour::Never);
            text += &case_line(case, Differing::default(), Colour::Never);
        }

        let obeyed = |line: &&str| line.trim_start().starts_with("::") || line.contains("##[");
        assert_eq!(text.lines().find(obeyed), None);
        assert!(text.contains("error"), "it can still be read: {text}");
    }
    Ok(())
}

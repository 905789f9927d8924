//! What is seen of an interface that somebody else wrote: nothing of its markup is known but the names of the flow's
//! nodes, so what a page shows is told by what it got from Kratos, and who is signed in by Kratos itself.

use anyhow::Result;
use serde_json::Value;
use url::Url;

use super::Standpoint;
use crate::browser::{Browser, Page, Visitor};
use crate::evidence::Exchange;

/// Where Kratos is told that the error page is.
const ERROR_PATH: &str = "/error";

/// The end of the paths at which flows are fetched.
const FLOWS: &str = "/flows";

impl Standpoint<'_> {
    /// The messages on a page, and what is to be said of how they were told. They are told by Ory's test ids; where a
    /// page has none, by the flow that it got, as far as their text can be read on it.
    pub(super) async fn messages_of_foreign(&self, browser: &Browser) -> Result<(Vec<u64>, String)> {
        let page = Page::of(browser);
        let marked = page.messages().await?;
        if !marked.is_empty() {
            let text = format!("messages {marked:?}");
            return Ok((marked, text));
        }
        let url = browser.url().await?;
        let Some(flow) = self.got(browser.name(), &url) else {
            return Ok((vec![], "no message: no test id `ui/message/...`, and no flow that the page got".to_owned()));
        };
        let flow: Value = serde_json::from_str(&flow.response_body).unwrap_or(Value::Null);
        let text = plain(&page.text().await?);
        let (shown, hidden): (Vec<_>, Vec<_>) =
            messages(&flow).into_iter().partition(|(_, words)| text.contains(&plain(words)));
        let ids = |some: &[(u64, &str)]| some.iter().map(|(id, _)| *id).collect::<Vec<_>>();
        let mut seen = format!("messages {:?} by their texts", ids(&shown));
        if !hidden.is_empty() {
            seen.push_str(&format!("; the flow has {:?}, whose texts are not on the page", ids(&hidden)));
        }
        Ok((ids(&shown), seen))
    }

    /// The `error.id` that a person is shown: of the error page by the id in its address, which Kratos is asked for;
    /// of another page by what Kratos answered when it fetched its flow.
    pub(super) async fn error_of_foreign(&self, browser: &Browser) -> Result<Option<String>> {
        let url = browser.url().await?;
        let Ok(shown) = Url::parse(&url) else { return Ok(None) };
        let ours = shown.origin() == self.world.ui().url().origin();
        if let Some(id) = query(&shown, "id").filter(|_| ours && shown.path() == ERROR_PATH) {
            let error = self.world.kratos(None)?.stored_error(&id).await?;
            return Ok(error["id"].as_str().map(str::to_owned));
        }
        let Some(answer) = self.got(browser.name(), &url) else { return Ok(None) };
        let body: Value = serde_json::from_str(&answer.response_body).unwrap_or(Value::Null);
        let refused = answer.status.is_some_and(|status| status >= 400);
        Ok(body["error"]["id"].as_str().filter(|_| refused).map(str::to_owned))
    }

    /// Who is signed in, by Kratos: it is asked from a tab of its own, with the browser's own cookies.
    pub(super) async fn who_by_kratos(&self, browser: &Browser, at: Option<&str>) -> Result<Visitor> {
        let url = self.world.kratos(at)?.url_of("sessions/whoami");
        let record = self.world.edge().record();
        let before = record.exchanges().len();
        browser.in_new_tab(&url, async || Ok(())).await?;
        let asked = record.exchanges().into_iter().skip(before);
        let answer = asked.filter(|it| it.listener == browser.name() && it.url == url).last();
        Ok(answer.map_or(Visitor::Unknown, |answer| visitor(&answer)))
    }

    /// Whether somebody asked, where `ui` may be the interface's server or its script.
    pub(super) fn asked_by_foreign(&self, exchange: &Exchange) -> bool {
        exchange.listener == "ui" || self.world.browser(&exchange.listener).is_ok()
    }

    /// Whether it was asked of a Kratos: an interface may have paths of the same names.
    pub(super) fn reached_kratos(&self, exchange: &Exchange) -> bool {
        self.world.every_kratos().iter().any(|kratos| exchange.url.starts_with(kratos.url().as_str()))
    }

    /// The last answer of Kratos's that the page at this address was made from: that which the interface's server got
    /// while it made the page, or one that the page's script got since.
    fn got(&self, browser: &str, url: &str) -> Option<Exchange> {
        got(&self.world.edge().record().exchanges(), browser, &Url::parse(url).ok()?).cloned()
    }
}

fn got<'e>(all: &'e [Exchange], browser: &str, shown: &Url) -> Option<&'e Exchange> {
    let flow = query(shown, "flow");
    let is_page = |it: &&Exchange| {
        it.listener == browser
            && it.method == "GET"
            && Url::parse(&it.url).is_ok_and(|url| {
                url.origin() == shown.origin() && url.path() == shown.path() && query(&url, "flow") == flow
            })
    };
    let page = all.iter().rfind(is_page)?;
    let made = page.at_ms + page.took_ms?;
    let is_flow = |it: &Exchange| {
        it.path().ends_with(FLOWS) && (flow.is_none() || Url::parse(&it.url).is_ok_and(|url| query(&url, "id") == flow))
    };
    all.iter().filter(|it| it.id > page.id && it.status.is_some()).rfind(|it| {
        if it.listener == "ui" {
            is_flow(it) && it.at_ms <= made
        } else {
            it.listener == browser && (is_flow(it) || has_flow(&it.response_body, flow.as_deref()))
        }
    })
}

/// Whether an answer is a flow, of this id where one is known.
fn has_flow(body: &str, id: Option<&str>) -> bool {
    let Ok(flow) = serde_json::from_str::<Value>(body) else { return false };
    flow["ui"]["nodes"].is_array() && id.is_none_or(|id| flow["id"] == id)
}

/// The messages of a flow and of its nodes, each with its text.
fn messages(flow: &Value) -> Vec<(u64, &str)> {
    let nodes = flow["ui"]["nodes"].as_array().into_iter().flatten();
    let lists = std::iter::once(&flow["ui"]).chain(nodes).filter_map(|owner| owner["messages"].as_array());
    lists.flatten().filter_map(|message| Some((message["id"].as_u64()?, message["text"].as_str()?))).collect()
}

fn visitor(answer: &Exchange) -> Visitor {
    let session: Value = serde_json::from_str(&answer.response_body).unwrap_or(Value::Null);
    let identity = &session["identity"];
    match answer.status {
        Some(200) => match identity["traits"]["email"].as_str().or(identity["id"].as_str()) {
            Some(who) => Visitor::SignedIn(who.to_owned()),
            None => Visitor::Unknown,
        },
        Some(401) => Visitor::Stranger,
        _ => Visitor::Unknown,
    }
}

fn query(url: &Url, key: &str) -> Option<String> {
    url.query_pairs().find(|(name, _)| name == key).map(|(_, value)| value.into_owned())
}

/// Text without what a style sheet may change: the case of letters, and white space.
fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

#[cfg(test)]
mod tests {
    use anyhow::{Context, Result};
    use serde_json::json;

    use super::*;

    const PAGE: &str = "https://ui.example.test/login?flow=f1";

    fn asked(id: u64, listener: &str, at_ms: u64, method: &str, url: &str, status: u16, body: &Value) -> Exchange {
        Exchange {
            id,
            listener: listener.to_owned(),
            method: method.to_owned(),
            url: url.to_owned(),
            at_ms,
            took_ms: Some(10),
            status: Some(status),
            response_body: body.to_string(),
            ..Exchange::default()
        }
    }

    fn fetch(flow: &str) -> String {
        format!("https://ory.example.test/self-service/login/flows?id={flow}")
    }

    fn answer_at<'e>(all: &'e [Exchange], browser: &str) -> Result<&'e Exchange> {
        got(all, browser, &Url::parse(PAGE)?).context("the page got nothing")
    }

    #[test]
    fn two_browsers_at_one_address_got_what_was_fetched_for_each() -> Result<()> {
        let null = Value::Null;
        let all = [
            asked(1, "a", 0, "GET", PAGE, 200, &null),
            asked(2, "ui", 2, "GET", &fetch("f1"), 200, &null),
            asked(3, "b", 50, "GET", PAGE, 403, &null),
            asked(4, "ui", 52, "GET", &fetch("f1"), 403, &null),
        ];

        assert_eq!((answer_at(&all, "a")?.id, answer_at(&all, "b")?.id), (2, 4));
        assert!(got(&all, "c", &Url::parse(PAGE)?).is_none());
        Ok(())
    }

    #[test]
    fn what_a_script_was_answered_counts_and_another_flow_does_not() -> Result<()> {
        let flow = |id: &str| json!({ "id": id, "ui": { "nodes": [] } });
        let post = "https://ory.example.test/self-service/login?flow=f1";
        let all = [
            asked(1, "a", 0, "GET", PAGE, 200, &Value::Null),
            asked(2, "a", 2, "GET", &fetch("f1"), 200, &flow("f1")),
            asked(3, "a", 20, "POST", post, 400, &flow("f1")),
            asked(4, "a", 30, "GET", &fetch("f2"), 200, &flow("f2")),
        ];

        assert_eq!(answer_at(&all, "a")?.id, 3);
        Ok(())
    }

    #[test]
    fn messages_are_those_of_the_flow_and_of_its_nodes() {
        let flow = json!({ "ui": {
            "messages": [{ "id": 1, "text": "one" }],
            "nodes": [{ "messages": [] }, { "messages": [{ "id": 2, "text": "two" }] }],
        } });

        assert_eq!(messages(&flow), [(1, "one"), (2, "two")]);
        assert_eq!(messages(&Value::Null), []);
    }

    #[test]
    fn only_kratos_says_who_is_signed_in() {
        let answer = |status, body: Value| visitor(&asked(1, "a", 0, "GET", "", status, &body));

        let ada = json!({ "identity": { "traits": { "email": "ada@example.test" } } });
        assert_eq!(answer(200, ada.clone()), Visitor::SignedIn("ada@example.test".to_owned()));
        assert_eq!(answer(401, Value::Null), Visitor::Stranger);
        assert_eq!(answer(403, ada), Visitor::Unknown);
        assert_eq!(answer(200, Value::Null), Visitor::Unknown);
    }
}

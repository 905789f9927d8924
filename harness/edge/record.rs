//! The record of what crossed the edge. Every check about requests reads it, never the browser.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use tokio::sync::watch;

use crate::evidence::Exchange;
use crate::wait::{Deadline, crowding, within};

/// How long answers can be held back.
const HOLD_LIMIT: Duration = Duration::from_secs(20);

#[derive(Debug)]
struct State {
    epoch: Instant,
    step: usize,
    exchanges: Vec<Exchange>,
    open: usize,
    touched: Instant,
    trouble: Option<String>,
}

/// Every exchange of a world, whoever made it. Clones share one record.
#[derive(Debug, Clone)]
pub struct Record {
    state: Arc<Mutex<State>>,
    changes: watch::Sender<u64>,
    holds: watch::Sender<usize>,
}

/// While this lives no answer that a fault delays goes back.
#[derive(Debug)]
#[must_use = "answers go back again when this is dropped"]
pub struct Hold(watch::Sender<usize>);

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl Record {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        let state = State { epoch: now, step: 0, exchanges: Vec::new(), open: 0, touched: now, trouble: None };
        Self { state: Arc::new(Mutex::new(state)), changes: watch::Sender::new(0), holds: watch::Sender::new(0) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the world's clock anew: times are told from here.
    pub fn start_clock(&self) {
        self.lock().epoch = Instant::now();
    }

    /// The time since the world was ready, in ms.
    pub fn now_ms(&self) -> u64 {
        millis(self.lock().epoch.elapsed())
    }

    /// A moment as ms since the world was ready; 0 for one before.
    pub fn at_ms(&self, moment: Instant) -> u64 {
        millis(moment.saturating_duration_since(self.lock().epoch))
    }

    /// The step that runs now.
    pub(super) fn step(&self) -> usize {
        self.lock().step
    }

    /// From now on arriving requests belong to this step.
    pub fn set_step(&self, step: usize) {
        self.lock().step = step;
    }

    /// All exchanges so far, in the order in which they arrived.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.lock().exchanges.clone()
    }

    /// Waits until no exchange is open and none has begun or ended for `quiet`.
    ///
    /// # Errors
    /// When that is not so within `limit`; the error names what was still open.
    pub async fn settle(&self, quiet: Duration, limit: Duration) -> Result<()> {
        let mut deadline = Deadline::after(limit);
        let mut changes = self.changes.subscribe();
        loop {
            // What follows one request comes later where the machine is slow.
            let quiet = quiet.mul_f64(crowding());
            changes.borrow_and_update();
            let (open, idle) = {
                let state = self.lock();
                (state.open, state.touched.elapsed())
            };
            if open == 0 && idle >= quiet {
                return Ok(());
            }
            let left = deadline.left();
            if left.is_zero() {
                let open = self.still_open().unwrap_or_else(|| "requests kept coming".to_owned());
                bail!("the edge did not become quiet within {deadline}: {open}");
            }
            let wait = if open == 0 { quiet.saturating_sub(idle) } else { limit };
            // A change wakes it early; the time-out is the end of the quiet time or of the limit.
            let _ = tokio::time::timeout(wait.min(left), changes.changed()).await;
        }
    }

    /// Waits until this listener has made a request in this step. A preflight counts: where it is refused, it is all that
    /// comes.
    ///
    /// # Errors
    /// When none arrives within `limit`.
    pub async fn arrival(&self, listener: &str, step: usize, limit: Duration) -> Result<()> {
        self.arrival_of(listener, step, limit, |_| true).await
    }

    /// The same of a request that was itself sent: a preflight only asks whether it may be.
    ///
    /// # Errors
    /// When none arrives within `limit`.
    pub async fn arrival_beyond_preflight(&self, listener: &str, step: usize, limit: Duration) -> Result<()> {
        self.arrival_of(listener, step, limit, |exchange| exchange.method != "OPTIONS").await
    }

    async fn arrival_of(
        &self,
        listener: &str,
        step: usize,
        limit: Duration,
        wanted: impl Fn(&Exchange) -> bool,
    ) -> Result<()> {
        let mut changes = self.changes.subscribe();
        let arrived = async {
            loop {
                changes.borrow_and_update();
                let is_it =
                    |exchange: &Exchange| exchange.listener == listener && exchange.step == step && wanted(exchange);
                if self.lock().exchanges.iter().any(is_it) || changes.changed().await.is_err() {
                    return;
                }
            }
        };
        if let Err(deadline) = within(limit, arrived).await {
            bail!("no request from `{listener}` within {deadline}");
        }
        Ok(())
    }

    /// Holds back the answers that a fault delays, beyond their time. A person's second click comes while the first request
    /// is under way; a busy machine can take longer for the two than the fault has it take.
    pub fn hold(&self) -> Hold {
        self.holds.send_modify(|count| *count += 1);
        Hold(self.holds.clone())
    }

    /// Waits until nobody holds answers back, for [`HOLD_LIMIT`] at most.
    pub(super) async fn released(&self) {
        let mut holds = self.holds.subscribe();
        let _ = within(HOLD_LIMIT, holds.wait_for(|count| *count == 0)).await;
    }

    /// Which exchanges have no answer yet, in one line; nothing when all have one.
    pub fn still_open(&self) -> Option<String> {
        let state = self.lock();
        let open: Vec<String> = state
            .exchanges
            .iter()
            .filter(|exchange| exchange.took_ms.is_none() && exchange.refused.is_none())
            .map(|exchange| format!("{} {} from `{}`", exchange.method, exchange.path(), exchange.listener))
            .collect();
        (!open.is_empty()).then(|| format!("still open: {}", open.join(", ")))
    }

    /// What kept the edge itself from doing its work, the first time that anything did.
    pub fn trouble(&self) -> Option<String> {
        self.lock().trouble.clone()
    }

    /// Notes what keeps the edge from doing its work.
    pub(super) fn note_trouble(&self, what: String) {
        self.lock().trouble.get_or_insert(what);
    }

    pub(super) fn begin(&self, mut exchange: Exchange) -> u64 {
        let id = {
            let mut state = self.lock();
            exchange.id = state.exchanges.len() as u64 + 1;
            exchange.step = state.step;
            exchange.at_ms = millis(state.epoch.elapsed());
            let id = exchange.id;
            state.exchanges.push(exchange);
            state.open += 1;
            state.touched = Instant::now();
            id
        };
        self.announce();
        id
    }

    pub(super) fn change(&self, id: u64, change: impl FnOnce(&mut Exchange)) {
        if let Some(exchange) = self.lock().exchanges.get_mut(id as usize - 1) {
            change(exchange);
        }
    }

    pub(super) fn end(&self, id: u64) {
        {
            let mut state = self.lock();
            let now = millis(state.epoch.elapsed());
            state.open = state.open.saturating_sub(1);
            state.touched = Instant::now();
            if let Some(exchange) = state.exchanges.get_mut(id as usize - 1) {
                exchange.took_ms = Some(now.saturating_sub(exchange.at_ms));
            }
        }
        self.announce();
    }

    /// Records a request that was not passed on.
    pub(super) fn refuse(&self, mut exchange: Exchange, why: String) {
        exchange.refused = Some(why);
        let id = self.begin(exchange);
        self.end(id);
    }

    fn announce(&self) {
        self.changes.send_modify(|count| *count += 1);
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

//! What the clock says about an association: how long it may take, and what is due when that is over.

use std::time::{Duration, Instant};

/// How long an association may take over what.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// The ARTIM timer (PS3.8 §9.1.5): from the connection until the association stands, however many bytes come meanwhile;
    /// then again while the peer is to close.
    pub artim: Duration,
    /// Silence while the association stands.
    pub idle: Duration,
    /// From the server's wish to stop until what is still storing is aborted.
    pub drain: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience {
            artim: Duration::from_secs(30),
            idle: Duration::from_secs(300),
            drain: Duration::from_secs(30),
        }
    }
}

/// Where an association stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    /// It waits for the request, or for the peer to close.
    pub needs_artim: bool,
    /// An object is arriving.
    pub busy: bool,
    /// The server wants to stop.
    pub stopping: bool,
}

/// What is to be done with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Due {
    Nothing,
    /// Close the transport (PS3.8 AA-2).
    Close,
    /// Abort the association (PS3.8 AA-1).
    Abort,
}

/// The timers of one association.
pub(super) struct Timers {
    patience: Patience,
    /// Since when ARTIM runs.
    artim: Option<Instant>,
    heard: Instant,
    /// Since when the server wants to stop.
    stopping: Option<Instant>,
}

impl Timers {
    /// The transport is connected.
    pub fn start(patience: Patience, now: Instant) -> Timers {
        Timers { patience, artim: Some(now), heard: now, stopping: None }
    }

    /// Bytes came.
    pub fn hear(&mut self, now: Instant) {
        self.heard = now;
    }

    /// What is due now. To be asked after every read, whether it brought something or not.
    pub fn due(&mut self, now: Instant, standing: Standing) -> Due {
        let is_over = |since: Instant, limit: Duration| now.saturating_duration_since(since) > limit;
        self.artim = standing.needs_artim.then(|| self.artim.unwrap_or(now));
        self.stopping = standing.stopping.then(|| self.stopping.unwrap_or(now));
        let drained = self.stopping.map(|since| !standing.busy || is_over(since, self.patience.drain));
        match self.artim {
            Some(since) if standing.stopping || is_over(since, self.patience.artim) => Due::Close,
            Some(_) => Due::Nothing,
            None if drained == Some(true) || is_over(self.heard, self.patience.idle) => Due::Abort,
            None => Due::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAITING: Standing = Standing { needs_artim: true, busy: false, stopping: false };
    const QUIET: Standing = Standing { needs_artim: false, busy: false, stopping: false };
    const STORING: Standing = Standing { needs_artim: false, busy: true, stopping: false };

    /// Hears a byte and asks every second; gives the second in which something was due, and what.
    fn chatty(timers: &mut Timers, from: Instant, standing: Standing) -> Option<(u64, Due)> {
        (0..1000).find_map(|second| {
            let now = from + Duration::from_secs(second);
            timers.hear(now);
            let due = timers.due(now, standing);
            (due != Due::Nothing).then_some((second, due))
        })
    }

    #[test]
    fn dripping_bytes_do_not_extend_the_time_for_a_request() {
        let start = Instant::now();
        let mut timers = Timers::start(Patience::default(), start);
        assert_eq!(chatty(&mut timers, start, WAITING), Some((31, Due::Close)));
    }

    #[test]
    fn the_time_to_close_is_counted_anew() {
        let start = Instant::now();
        let mut timers = Timers::start(Patience::default(), start);
        assert_eq!(timers.due(start + Duration::from_secs(29), WAITING), Due::Nothing);
        assert_eq!(chatty(&mut timers, start, QUIET), None);
        let closing = start + Duration::from_secs(1000);
        assert_eq!(chatty(&mut timers, closing, WAITING), Some((31, Due::Close)));
    }

    #[test]
    fn silence_ends_what_stands() {
        let start = Instant::now();
        let mut timers = Timers::start(Patience::default(), start);
        assert_eq!(timers.due(start + Duration::from_secs(300), STORING), Due::Nothing);
        assert_eq!(timers.due(start + Duration::from_secs(301), STORING), Due::Abort);
    }

    #[test]
    fn stopping_ends_chatty_and_storing_associations() {
        let start = Instant::now();
        let stopping = |standing| Standing { stopping: true, ..standing };
        let due = |standing| {
            let mut timers = Timers::start(Patience::default(), start);
            chatty(&mut timers, start, stopping(standing))
        };
        assert_eq!(due(WAITING), Some((0, Due::Close)));
        assert_eq!(due(QUIET), Some((0, Due::Abort)));
        assert_eq!(due(STORING), Some((31, Due::Abort)));
    }
}

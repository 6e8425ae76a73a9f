//! What other nodes commit, as soon as they say so: a connection that listens, on a thread that catches memory up.
//!
//! What is heard is a hint alone. Each new connection asks for the newest position, so that nothing is missed that was said while
//! nobody listened; and readers go on asking for themselves.

use super::address::Address;
use super::ground::PgGround;
use super::hand::CHANNEL;
use super::wire::{Purpose, Wire};
use futures_util::future::{Either, select};
use lenticular_base::Fault;
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;
use tokio::sync::mpsc::{Receiver, channel};
use tokio_postgres::Client;

/// Positions that were said and not yet looked at; of more the first ones are enough.
const SAID: usize = 64;

/// The pauses before a connection is tried again.
const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);

/// So long after the last word the connection is asked whether it lives, and so long it has for the answer.
const SILENCE: Duration = Duration::from_secs(10);
const ANSWER: Duration = Duration::from_secs(3);

/// A thread that listens, until it is dropped.
pub struct Listener {
    stop: Arc<Notify>,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    /// Listens for the commits of other nodes, and catches the memory of `ground` up with them.
    pub fn start(address: Arc<Address>, ground: &Arc<PgGround>) -> Result<Listener, Fault> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(Fault::internal)?;
        let stop = Arc::new(Notify::new());
        let ear = Ear { address, ground: Arc::downgrade(ground), stop: stop.clone(), runtime };
        let thread = std::thread::Builder::new()
            .name("listener".into())
            .spawn(move || ear.run())
            .map_err(Fault::internal)?;
        Ok(Listener { stop, thread: Some(thread) })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop.notify_one();
        let Some(thread) = self.thread.take() else { return };
        if thread.thread().id() != std::thread::current().id() && thread.join().is_err() {
            tracing::error!("the listener ended by a panic");
        }
    }
}

struct Ear {
    address: Arc<Address>,
    ground: Weak<PgGround>,
    stop: Arc<Notify>,
    runtime: Runtime,
}

/// A connection that listens.
struct Line {
    client: Client,
    said: Receiver<String>,
    epoch: u64,
}

/// What comes next on the line.
enum Heard {
    /// The position of a commit, where it can be read.
    Word(Option<i64>),
    Silence,
    Lost,
}

/// It is over: whoever listened is closed.
struct Stopped;

impl Ear {
    fn run(self) {
        let mut pause = SHORTEST;
        loop {
            match self.unless_stopped(self.listen()) {
                Err(Stopped) => return,
                Ok(Ok(line)) => {
                    pause = SHORTEST;
                    if let Err(Stopped) = self.follow(line) {
                        return;
                    }
                }
                Ok(Err(fault)) => {
                    tracing::debug!(%fault, "nobody listens for the commits of other nodes");
                    pause = (pause * 2).min(LONGEST);
                }
            }
            if let Err(Stopped) = self.unless_stopped(async { tokio::time::sleep(pause).await }) {
                return;
            }
        }
    }

    fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Result<T, Stopped> {
        self.runtime.block_on(async {
            match select(pin!(self.stop.notified()), pin!(work)).await {
                Either::Left(_) => Err(Stopped),
                Either::Right((value, _)) => Ok(value),
            }
        })
    }

    async fn listen(&self) -> Result<Line, Fault> {
        let epoch = self.address.epoch();
        let (told, said) = channel(SAID);
        let (_, client) = Wire::first(&self.address, Purpose::Upkeep, Some(told)).await?;
        client.batch_execute(&format!("LISTEN {CHANNEL}")).await.map_err(super::fault)?;
        Ok(Line { client, said, epoch })
    }

    /// Follows what is said until the line is lost.
    fn follow(&self, mut line: Line) -> Result<(), Stopped> {
        // what was said before anybody listened
        self.catch_up(None)?;
        loop {
            match self.unless_stopped(line.next())? {
                Heard::Word(position) => self.catch_up(position)?,
                // it may be to a server that led before
                Heard::Silence if line.epoch == self.address.epoch() => {}
                Heard::Silence | Heard::Lost => return Ok(()),
            }
        }
    }

    /// Makes memory true as of now, unless it knows of this position: what this node commits it hears, too.
    fn catch_up(&self, position: Option<i64>) -> Result<(), Stopped> {
        let ground = self.ground.upgrade().ok_or(Stopped)?;
        if position.is_some_and(|position| position <= ground.stamp().position.0) {
            return Ok(());
        }
        if let Err(fault) = ground.refresh_behind() {
            tracing::debug!(%fault, "what other nodes committed could not be learnt");
        }
        Ok(())
    }
}

impl Line {
    async fn next(&mut self) -> Heard {
        if let Ok(said) = tokio::time::timeout(SILENCE, self.said.recv()).await {
            let Some(mut last) = said else { return Heard::Lost };
            while let Ok(later) = self.said.try_recv() {
                last = later;
            }
            return Heard::Word(last.parse().ok());
        }
        match tokio::time::timeout(ANSWER, self.client.batch_execute("SELECT 1")).await {
            Ok(Ok(())) => Heard::Silence,
            Ok(Err(_)) | Err(_) => Heard::Lost,
        }
    }
}

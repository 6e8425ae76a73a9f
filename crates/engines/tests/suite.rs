//! The conformance suite on SQLite and files and on PostgreSQL, and what only they have to show: crashes, full disks, second processes.

// the lint's own exception for tests does not reach the helpers of an integration test
#![allow(clippy::unwrap_used)]

#[path = "suite/cluster.rs"]
mod cluster;
#[path = "suite/copies.rs"]
mod copies;
#[path = "suite/crash.rs"]
mod crash;
#[path = "suite/lost.rs"]
mod lost;
#[path = "suite/ready.rs"]
mod ready;
#[path = "suite/shared.rs"]
mod shared;
#[path = "suite/upgrading.rs"]
mod upgrading;

use lenticular_engines::{Engine, OpenOptions, open};
use lenticular_store::Store;
use lenticular_store::conformance::{Clock, Harness, run};
use tempfile::TempDir;

pub struct Embedded {
    pub folder: TempDir,
    pub clock: Clock,
    pub engine: Option<Engine>,
}

impl Embedded {
    pub fn make() -> Embedded {
        let mut made = Embedded { folder: TempDir::new().unwrap(), clock: Clock::default(), engine: None };
        made.clock.set(lenticular_base::Instant(1_700_000_000_000));
        made.reopen();
        made
    }

    pub fn options(&self) -> OpenOptions {
        let clock = self.clock.clone();
        OpenOptions::new(self.folder.path(), move || clock.now())
    }

    pub fn engine(&self) -> &Engine {
        self.engine.as_ref().unwrap()
    }
}

impl Harness for Embedded {
    fn store(&self) -> Store {
        self.engine().store.clone()
    }

    fn clock(&self) -> Clock {
        self.clock.clone()
    }

    fn reopen(&mut self) {
        if let Some(engine) = self.engine.take() {
            engine.close();
        }
        self.engine = Some(open(self.options()).unwrap());
    }
}

#[test]
fn keeps_the_contract() {
    run(&|| Box::new(Embedded::make()));
}

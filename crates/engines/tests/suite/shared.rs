//! The contract on PostgreSQL, and what only it has to show: several nodes, a server that goes away, the second wall.

use super::cluster::{self, Cluster};
use lenticular_base::Instant;
use lenticular_engines::{Engine, OpenOptions, open};
use lenticular_store::Store;
use lenticular_store::conformance::{Clock, Harness, run};
use tempfile::TempDir;

/// One node on a database.
pub struct Node {
    pub folder: TempDir,
    pub clock: Clock,
    pub url: String,
    pub engine: Option<Engine>,
}

impl Node {
    pub fn make(cluster: &Cluster) -> Node {
        Node::on(cluster.database())
    }

    /// Another node on a database that is there.
    pub fn on(url: String) -> Node {
        let mut node = Node { folder: TempDir::new().unwrap(), clock: Clock::default(), url, engine: None };
        node.clock.set(Instant(1_700_000_000_000));
        node.reopen();
        node
    }

    pub fn options(&self) -> OpenOptions {
        let clock = self.clock.clone();
        let mut options = OpenOptions::new(self.folder.path(), move || clock.now());
        options.database = Some(self.url.clone());
        options.own_clock = true;
        options
    }

    pub fn engine(&self) -> &Engine {
        self.engine.as_ref().unwrap()
    }
}

impl Harness for Node {
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
    let Some(cluster) = cluster::shared() else { return };
    run(&|| Box::new(Node::make(cluster)));
}

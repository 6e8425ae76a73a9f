//! `lenticular log`: the commits as they come, for operators. It says who changed how much and when, never what.

use crate::Place;
use crate::run::{open_there, runtime};
use anyhow::{Context, Result, anyhow};
use lenticular_base::{OrgNo, Position};
use lenticular_services::Services;
use lenticular_store::Log;
use lenticular_store::log::Entry;
use serde_json::json;
use std::collections::HashMap;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

/// Commits that are read at a time.
const AT_ONCE: u32 = 1000;

/// How long it waits for a commit before it looks whether it is to end.
const TURN: Duration = Duration::from_millis(500);

/// How long it waits for a database that is away.
const AWAY: Duration = Duration::from_secs(1);

/// What of the log is asked for.
#[derive(clap::Args, Clone)]
pub struct Asked {
    /// Stay, and print each commit as soon as it is made, by whichever node.
    #[arg(long)]
    follow: bool,
    /// Begin behind this position; absent: with the last 20 commits.
    #[arg(long, value_name = "POSITION")]
    after: Option<i64>,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

/// `lenticular log`
pub fn run(place: &Place, asked: &Asked) -> Result<ExitCode> {
    let config = place.load()?;
    let (engine, services) = open_there(place.data(), &config)?;
    let runtime = runtime()?;
    let stop = Arc::new(AtomicBool::new(false));
    end_by_signals(&runtime, &stop)?;
    let mut reading =
        Reading { services: &services, runtime: &runtime, members: HashMap::new(), json: asked.json };
    let outcome = reading.print(&*engine.store.log, asked, &stop);
    drop(services);
    drop(runtime);
    engine.close();
    outcome.map(|()| ExitCode::SUCCESS)
}

/// SIGTERM and SIGINT end it, so that what it holds is given back.
fn end_by_signals(runtime: &Runtime, stop: &Arc<AtomicBool>) -> Result<()> {
    let _context = runtime.enter();
    for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
        let mut signal = signal(kind).context("waiting for signals")?;
        let stop = stop.clone();
        runtime.spawn(async move {
            signal.recv().await;
            stop.store(true, Ordering::SeqCst);
        });
    }
    Ok(())
}

struct Reading<'a> {
    services: &'a Services,
    runtime: &'a Runtime,
    /// The members known so far; 0 is the network itself.
    members: HashMap<i64, String>,
    json: bool,
}

impl Reading<'_> {
    fn print(&mut self, log: &dyn Log, asked: &Asked, stop: &AtomicBool) -> Result<()> {
        let mut last = Position(asked.after.unwrap_or_else(|| log.position().0.saturating_sub(20)));
        let mut away = false;
        while !stop.load(Ordering::SeqCst) {
            let some = match log.read(last, AT_ONCE) {
                Ok(some) => some,
                Err(fault) if asked.follow && fault.kind == lenticular_base::FaultKind::Busy => {
                    if !away {
                        eprintln!("lenticular: {fault}");
                    }
                    away = true;
                    std::thread::sleep(AWAY);
                    continue;
                }
                Err(fault) => return Err(anyhow!("{fault}")),
            };
            away = false;
            for entry in &some {
                last = entry.stamp.position;
                match self.line(entry) {
                    // whoever read it has gone
                    Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
                    written => written.context("writing to the terminal")?,
                }
            }
            if !some.is_empty() {
                continue;
            }
            if !asked.follow {
                break;
            }
            let newest = log.wait(last, TURN);
            if newest < last {
                // never so but after the database has lost commits
                eprintln!("lenticular: the log has come back to position {}; it was at {}", newest.0, last.0);
                last = newest;
            }
        }
        Ok(())
    }

    fn line(&mut self, entry: &Entry) -> std::io::Result<()> {
        let Entry { stamp, author_org, changes } = *entry;
        let member = self.member(author_org);
        let (position, time) = (stamp.position.0, stamp.time.to_string());
        let mut out = std::io::stdout().lock();
        if self.json {
            let line = json!({ "position": position, "time": time, "org": member, "changes": changes });
            writeln!(out, "{line}")?;
        } else {
            writeln!(out, "{position:>10}  {time}  {member:<24} {changes:>6}")?;
        }
        out.flush()
    }

    /// The id of a member; its number where it has none, and `-` for the network itself.
    fn member(&mut self, org: OrgNo) -> String {
        if org.0 == 0 {
            return "-".to_owned();
        }
        if !self.members.contains_key(&org.0)
            && let Ok(members) = self.runtime.block_on(self.services.members())
        {
            self.members = members.into_iter().map(|member| (member.no, member.id)).collect();
        }
        self.members.get(&org.0).cloned().unwrap_or_else(|| org.0.to_string())
    }
}

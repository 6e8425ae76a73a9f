//! DIMSE: scanners associate, echo and store (PS3.7, PS3.8). One thread an association; the machine is `dicom::dimse`.

pub mod echo;
mod timers;

pub use timers::Patience;

use crate::doors::{Door, door, open};
use crate::metrics::COUNTERS;
use lenticular_base::{Fault, FaultKind};
use lenticular_dicom::dimse::{Acceptor, AcceptorConfig, Event, Status, StoreResponse};
use lenticular_dicom::pdu::{AssociateRq, Reject};
use lenticular_policy::{Action, Purpose};
use lenticular_services::Caller;
use lenticular_services::Services;
use lenticular_services::audit::Access;
use lenticular_services::ingest::{Arrival, Ingest};
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use timers::{Due, Standing, Timers};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::watch;

/// The doors of this gateway.
pub const DOORS: &[Door] = &[open("DIMSE", "C-ECHO"), door("DIMSE", "C-STORE", Action::Store, "Instance")];

/// What the owner decided about DIMSE.
#[derive(Clone, Debug)]
pub struct DimseSettings {
    pub ae_title: String,
    /// The most associations that stand at a time; connections that are not associations yet have a bound of their own.
    pub max_associations: usize,
}

/// How often a quiet association looks whether the server wants to stop.
const TICK: Duration = Duration::from_millis(500);
/// The largest P-DATA-TF that is announced, and the size of one read.
const MAX_PDU: u32 = 256 * 1024;

/// The most connections at a time, those without an association included: each is a thread.
fn connections(settings: &DimseSettings) -> usize {
    settings.max_associations.saturating_mul(4).saturating_add(16)
}

/// Takes associations until `stop` says so, then waits for those that are storing.
pub async fn serve(
    listener: TcpListener,
    services: Services,
    settings: DimseSettings,
    stop: watch::Receiver<bool>,
) {
    serve_with(Patience::default(), listener, services, settings, stop).await;
}

/// The same with another patience.
pub async fn serve_with(
    patience: Patience,
    listener: TcpListener,
    services: Services,
    settings: DimseSettings,
    mut stop: watch::Receiver<bool>,
) {
    let settings = Arc::new(settings);
    let open = Arc::new(AtomicUsize::new(0));
    let standing = Arc::new(AtomicUsize::new(0));
    let stopping = Arc::new(AtomicBool::new(false));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "an association could not be taken");
                tokio::time::sleep(TICK).await;
                continue;
            }
        };
        let Some(counted) = Counted::among(&open, connections(&settings)) else {
            COUNTERS.associations_rejected.fetch_add(1, Ordering::Relaxed);
            continue;
        };
        let timers = Timers::start(patience, Instant::now());
        let conversation = Conversation {
            services: services.clone(),
            settings: settings.clone(),
            handle: Handle::current(),
            peer,
            patience,
            standing: standing.clone(),
            seat: None,
            stopping: stopping.clone(),
            caller: None,
            arriving: None,
        };
        let spawned = std::thread::Builder::new().name("association".into()).spawn(move || {
            let _counted = counted;
            if let Err(error) = stream.into_std().and_then(|stream| conversation.hold(stream, timers)) {
                tracing::info!(%error, "an association broke");
            }
        });
        if let Err(error) = spawned {
            tracing::error!(%error, "no thread for an association");
        }
    }
    stopping.store(true, Ordering::SeqCst);
    // each ends by itself within its drain time and that of its last write; nothing may hold the server up for longer
    let last = Instant::now() + patience.drain + patience.artim + 4 * TICK;
    while open.load(Ordering::SeqCst) > 0 {
        if Instant::now() > last {
            tracing::error!(open = open.load(Ordering::SeqCst), "associations did not end in time");
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A place among so many; free again when it is dropped.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn among(count: &Arc<AtomicUsize>, limit: usize) -> Option<Counted> {
        let more = |taken| (taken < limit).then_some(taken + 1);
        count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more).ok()?;
        Some(Counted(count.clone()))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

struct Conversation {
    services: Services,
    settings: Arc<DimseSettings>,
    handle: Handle,
    peer: SocketAddr,
    patience: Patience,
    /// How many associations stand, and this one's place among them.
    standing: Arc<AtomicUsize>,
    seat: Option<Counted>,
    stopping: Arc<AtomicBool>,
    caller: Option<Caller>,
    arriving: Option<Arriving>,
}

/// The object that is arriving.
struct Arriving {
    sop_instance: String,
    /// An error is kept until its last byte has come.
    ingest: Result<Ingest, Fault>,
}

impl Conversation {
    fn hold(mut self, mut stream: TcpStream, mut timers: Timers) -> std::io::Result<()> {
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TICK))?;
        stream.set_write_timeout(Some(TICK))?;
        let mut acceptor = Acceptor::new(AcceptorConfig {
            ae_title: self.settings.ae_title.clone(),
            max_pdu: MAX_PDU,
            ..AcceptorConfig::default()
        });
        let mut buffer = vec![0; MAX_PDU as usize];
        while !acceptor.is_closed() {
            match stream.read(&mut buffer) {
                Ok(0) => {
                    acceptor.transport_closed();
                    break;
                }
                Ok(length) => {
                    timers.hear(Instant::now());
                    self.receive(&mut acceptor, &buffer[..length]);
                }
                Err(e) if is_pause(&e) => {}
                Err(e) => return Err(e),
            }
            self.keep_time(&mut acceptor, &mut timers);
            write_within(self.patience.artim, &mut stream, acceptor.output())?;
            acceptor.output().clear();
        }
        Ok(())
    }

    fn keep_time(&self, acceptor: &mut Acceptor, timers: &mut Timers) {
        let standing = Standing {
            needs_artim: acceptor.needs_timer(),
            busy: self.arriving.is_some(),
            stopping: self.stopping.load(Ordering::SeqCst),
        };
        match timers.due(Instant::now(), standing) {
            Due::Nothing => {}
            Due::Close => acceptor.timer_expired(),
            Due::Abort => acceptor.abort(),
        }
    }

    fn receive(&mut self, acceptor: &mut Acceptor, mut bytes: &[u8]) {
        loop {
            let (used, event) = acceptor.receive(bytes);
            bytes = &bytes[used..];
            match event {
                None => return,
                Some(Event::AssociationRequested(request)) => self.answer_request(acceptor, &request),
                Some(Event::StoreBegin(store)) => self.arriving = Some(self.begin(store)),
                Some(Event::StoreData(data)) => self.push(data),
                Some(Event::StoreEnd { message_id }) => {
                    let response = self.finish();
                    if let Err(error) = acceptor.respond_store(message_id, response) {
                        tracing::info!(%error, "an answer had nobody to go to");
                    }
                }
                Some(Event::Rejected(_)) => {
                    COUNTERS.associations_rejected.fetch_add(1, Ordering::Relaxed);
                }
                Some(Event::Violation(violation)) => {
                    tracing::info!(?violation, "a peer broke the protocol");
                }
                Some(Event::Aborted(_) | Event::Released) => {
                    self.arriving = None;
                    self.seat = None;
                }
                Some(Event::Echo { .. } | Event::Refused { .. }) => {}
            }
        }
    }

    /// Who calls: an AE title and an address that are bound to one member, or the association is rejected.
    fn answer_request(&mut self, acceptor: &mut Acceptor, request: &AssociateRq) {
        let address: IpAddr = self.peer.ip();
        let known = if self.stopping.load(Ordering::SeqCst) {
            Err(Reject::LOCAL_LIMIT_EXCEEDED)
        } else {
            match self.handle.block_on(self.services.device(&request.calling_ae, address)) {
                Ok(Some(principal)) => {
                    self.seat = Counted::among(&self.standing, self.settings.max_associations);
                    self.seat.as_ref().map(|_| principal).ok_or(Reject::LOCAL_LIMIT_EXCEEDED)
                }
                Ok(None) => Err(Reject::CALLING_AE_NOT_RECOGNIZED),
                Err(fault) => {
                    crate::refusals::tell(&fault, "the devices cannot be read");
                    Err(Reject::TEMPORARY_CONGESTION)
                }
            }
        };
        let outcome = match known {
            Ok(principal) => {
                COUNTERS.associations.fetch_add(1, Ordering::Relaxed);
                self.caller = Some(Caller { principal, purpose: Purpose::Treat, way: "dimse", asked: None });
                acceptor.accept(None).map(|_| ())
            }
            Err(reject) => {
                COUNTERS.associations_rejected.fetch_add(1, Ordering::Relaxed);
                let refused = self.services.record_refusal("dimse", "association", &request.calling_ae);
                if let Err(fault) = self.handle.block_on(refused) {
                    crate::refusals::tell(&fault, "a refusal could not be recorded");
                }
                acceptor.reject(reject)
            }
        };
        if let Err(error) = outcome {
            tracing::info!(%error, "an association could not be answered");
        }
    }

    fn begin(&self, store: lenticular_dicom::dimse::Store) -> Arriving {
        let sop_instance = store.sop_instance.clone();
        let ingest = self.caller.clone().ok_or_else(Fault::not_found).and_then(|caller| {
            let arrival = Arrival::Dataset {
                transfer_syntax: store.transfer_syntax,
                sop_class: store.sop_class,
                sop_instance: store.sop_instance,
                source_ae: caller.principal.agent.clone(),
            };
            self.services.begin_ingest(caller, arrival)
        });
        Arriving { sop_instance, ingest }
    }

    fn push(&mut self, data: &[u8]) {
        if let Some(Arriving { ingest, .. }) = &mut self.arriving
            && let Ok(taking) = ingest
            && let Err(fault) = taking.push(data)
        {
            *ingest = Err(fault);
        }
    }

    fn finish(&mut self) -> StoreResponse {
        let outcome = match self.arriving.take() {
            Some(Arriving { ingest: Ok(ingest), .. }) => ingest.finish().map(|_| ()),
            Some(Arriving { ingest: Err(fault), sop_instance }) => Err(self.record(fault, &sop_instance)),
            None => Err(Fault::internal("a data set ended that had not begun")),
        };
        if let Some(caller) = &self.caller {
            self.services
                .saw_device(&caller.principal.agent, if outcome.is_ok() { "stored" } else { "failed" });
        }
        match outcome {
            Ok(()) => {
                COUNTERS.instances_stored.fetch_add(1, Ordering::Relaxed);
                Status::SUCCESS.into()
            }
            Err(fault) => {
                COUNTERS.instances_failed.fetch_add(1, Ordering::Relaxed);
                refuse(&fault)
            }
        }
    }

    /// Records that an object was refused before all of it had come; [`Ingest::finish`] does it for the others.
    fn record(&self, fault: Fault, sop_instance: &str) -> Fault {
        let Some(caller) = &self.caller else { return fault };
        let code = if fault.kind.meaning().http < 500 { 4 } else { 8 };
        let access = Access::of('C', "store", "Instance", sop_instance);
        self.services.record_access_blocking(caller, access, code).err().unwrap_or(fault)
    }
}

/// Nothing happened within a tick.
fn is_pause(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

/// Writes all of it, within that time however slowly the peer reads.
fn write_within(limit: Duration, stream: &mut TcpStream, mut bytes: &[u8]) -> std::io::Result<()> {
    let begun = Instant::now();
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(e) if is_pause(&e) && begun.elapsed() <= limit => {}
            Err(e) => return Err(e),
        }
        if !bytes.is_empty() && begun.elapsed() > limit {
            return Err(ErrorKind::TimedOut.into());
        }
    }
    Ok(())
}

/// What a fault reads as in a C-STORE response (PS3.4 §B.2.3).
fn refuse(fault: &Fault) -> StoreResponse {
    let meaning = fault.kind.meaning();
    match meaning.log {
        _ if meaning.retry => crate::refusals::note(fault),
        "error" => tracing::error!(%fault, "an object was not stored"),
        _ => tracing::info!(code = fault.code, "an object was not stored"),
    }
    let status = match fault.kind {
        FaultKind::Conflict | FaultKind::NotFound | FaultKind::Gone => Status::PROCESSING_FAILURE,
        _ => Status(meaning.dimse),
    };
    StoreResponse { status, error_comment: Some(fault.code.to_owned()), offending_elements: Vec::new() }
}

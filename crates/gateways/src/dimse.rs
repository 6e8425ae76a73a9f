//! DIMSE: scanners associate, echo and store (PS3.7, PS3.8). One thread an association; the machine is `dicom::dimse`.

use crate::doors::{Door, door, open};
use crate::metrics::COUNTERS;
use lenticular_base::{Fault, FaultKind};
use lenticular_dicom::dimse::{Acceptor, AcceptorConfig, Event, Status, StoreResponse};
use lenticular_dicom::pdu::{AssociateRq, Reject};
use lenticular_policy::{Action, Purpose};
use lenticular_services::Caller;
use lenticular_services::Services;
use lenticular_services::ingest::{Arrival, Ingest};
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::watch;

/// The doors of this gateway.
pub const DOORS: &[Door] = &[open("DIMSE", "C-ECHO"), door("DIMSE", "C-STORE", Action::Store, "Instance")];

/// What the owner decided about DIMSE.
#[derive(Clone, Debug)]
pub struct DimseSettings {
    pub ae_title: String,
    pub max_associations: usize,
}

/// Before an association stands (the ARTIM timer, PS3.8 §9.1.5), and between two messages of one.
const ARTIM: Duration = Duration::from_secs(30);
const IDLE: Duration = Duration::from_secs(300);
/// How often a quiet association looks whether the server wants to stop.
const TICK: Duration = Duration::from_millis(500);
/// The largest P-DATA-TF that is announced, and the size of one read.
const MAX_PDU: u32 = 256 * 1024;

/// Takes associations until `stop` says so, then waits for those that are storing.
pub async fn serve(
    listener: TcpListener,
    services: Services,
    settings: DimseSettings,
    mut stop: watch::Receiver<bool>,
) {
    let settings = Arc::new(settings);
    let open = Arc::new(AtomicUsize::new(0));
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
        let full = open.fetch_add(1, Ordering::SeqCst) >= settings.max_associations;
        let conversation = Conversation {
            services: services.clone(),
            settings: settings.clone(),
            handle: Handle::current(),
            peer,
            full,
            stopping: stopping.clone(),
            caller: None,
            ingest: None,
        };
        let counter = Leaving(open.clone());
        let spawned = std::thread::Builder::new().name("association".into()).spawn(move || {
            let _counter = counter;
            if let Err(error) = stream.into_std().and_then(|stream| conversation.hold(stream)) {
                tracing::info!(%error, "an association broke");
            }
        });
        if let Err(error) = spawned {
            tracing::error!(%error, "no thread for an association");
        }
    }
    stopping.store(true, Ordering::SeqCst);
    while open.load(Ordering::SeqCst) > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Counts an association out, however it ends.
struct Leaving(Arc<AtomicUsize>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

struct Conversation {
    services: Services,
    settings: Arc<DimseSettings>,
    handle: Handle,
    peer: SocketAddr,
    full: bool,
    stopping: Arc<AtomicBool>,
    caller: Option<Caller>,
    /// The object that is arriving; an error is kept until its last byte has come.
    ingest: Option<Result<Ingest, Fault>>,
}

impl Conversation {
    fn hold(mut self, mut stream: TcpStream) -> std::io::Result<()> {
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TICK))?;
        stream.set_write_timeout(Some(ARTIM))?;
        let mut acceptor = Acceptor::new(AcceptorConfig {
            ae_title: self.settings.ae_title.clone(),
            max_pdu: MAX_PDU,
            ..AcceptorConfig::default()
        });
        let mut buffer = vec![0; MAX_PDU as usize];
        let mut heard = Instant::now();
        while !acceptor.is_closed() {
            match stream.read(&mut buffer) {
                Ok(0) => {
                    acceptor.transport_closed();
                    break;
                }
                Ok(length) => {
                    heard = Instant::now();
                    self.receive(&mut acceptor, &buffer[..length]);
                }
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    self.pause(&mut acceptor, heard.elapsed());
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
            stream.write_all(acceptor.output())?;
            acceptor.output().clear();
        }
        Ok(())
    }

    /// Nothing came for a while.
    fn pause(&mut self, acceptor: &mut Acceptor, quiet: Duration) {
        let busy = self.ingest.is_some();
        if acceptor.needs_timer() && (quiet > ARTIM || self.stopping.load(Ordering::SeqCst)) {
            acceptor.timer_expired();
        } else if quiet > IDLE || (self.stopping.load(Ordering::SeqCst) && !busy) {
            acceptor.abort();
        }
    }

    fn receive(&mut self, acceptor: &mut Acceptor, mut bytes: &[u8]) {
        loop {
            let (used, event) = acceptor.receive(bytes);
            bytes = &bytes[used..];
            match event {
                None => return,
                Some(Event::AssociationRequested(request)) => self.answer_request(acceptor, &request),
                Some(Event::StoreBegin(store)) => self.ingest = Some(self.begin(store)),
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
                Some(Event::Aborted(_) | Event::Released) => self.ingest = None,
                Some(Event::Echo { .. } | Event::Refused { .. }) => {}
            }
        }
    }

    /// Who calls: an AE title and an address that are bound to one member, or the association is rejected.
    fn answer_request(&mut self, acceptor: &mut Acceptor, request: &AssociateRq) {
        let address: IpAddr = self.peer.ip();
        let known = if self.full || self.stopping.load(Ordering::SeqCst) {
            Err(Reject::LOCAL_LIMIT_EXCEEDED)
        } else {
            match self.handle.block_on(self.services.device(&request.calling_ae, address)) {
                Ok(Some(principal)) => Ok(principal),
                Ok(None) => Err(Reject::CALLING_AE_NOT_RECOGNIZED),
                Err(fault) => {
                    tracing::error!(%fault, "the devices cannot be read");
                    Err(Reject::TEMPORARY_CONGESTION)
                }
            }
        };
        let outcome = match known {
            Ok(principal) => {
                COUNTERS.associations.fetch_add(1, Ordering::Relaxed);
                self.caller = Some(Caller { principal, purpose: Purpose::Treat, way: "dimse" });
                acceptor.accept(None).map(|_| ())
            }
            Err(reject) => {
                COUNTERS.associations_rejected.fetch_add(1, Ordering::Relaxed);
                let refused = self.services.record_refusal("dimse", "association", &request.calling_ae);
                if let Err(fault) = self.handle.block_on(refused) {
                    tracing::error!(%fault, "a refusal could not be recorded");
                }
                acceptor.reject(reject)
            }
        };
        if let Err(error) = outcome {
            tracing::info!(%error, "an association could not be answered");
        }
    }

    fn begin(&self, store: lenticular_dicom::dimse::Store) -> Result<Ingest, Fault> {
        let caller = self.caller.clone().ok_or_else(Fault::not_found)?;
        let arrival = Arrival::Dataset {
            transfer_syntax: store.transfer_syntax,
            sop_class: store.sop_class,
            sop_instance: store.sop_instance,
            source_ae: caller.principal.agent.clone(),
        };
        self.services.begin_ingest(caller, arrival)
    }

    fn push(&mut self, data: &[u8]) {
        if let Some(Ok(ingest)) = &mut self.ingest
            && let Err(fault) = ingest.push(data)
        {
            self.ingest = Some(Err(fault));
        }
    }

    fn finish(&mut self) -> StoreResponse {
        let outcome = match self.ingest.take() {
            Some(Ok(ingest)) => ingest.finish().map(|_| ()),
            Some(Err(fault)) => Err(fault),
            None => Err(Fault::internal("a data set ended that had not begun")),
        };
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
}

/// What a fault reads as in a C-STORE response (PS3.4 §B.2.3).
fn refuse(fault: &Fault) -> StoreResponse {
    let meaning = fault.kind.meaning();
    match meaning.log {
        "error" => tracing::error!(%fault, "an object was not stored"),
        _ => tracing::info!(code = fault.code, "an object was not stored"),
    }
    let status = match fault.kind {
        FaultKind::Conflict | FaultKind::NotFound | FaultKind::Gone => Status::PROCESSING_FAILURE,
        _ => Status(meaning.dimse),
    };
    StoreResponse { status, error_comment: Some(fault.code.to_owned()), offending_elements: Vec::new() }
}

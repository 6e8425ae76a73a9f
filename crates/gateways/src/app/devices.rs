//! Devices: AE titles, where they call from, where they are reached, and whether they answer.

use super::openapi::{Operation, operation};
use super::{read, respond};
use crate::dimse::echo::{Outcome, PATIENCE, echo};
use crate::doors::{Door, door};
use crate::http::caller;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{delete, get, post};
use http::{HeaderMap, StatusCode};
use lenticular_base::{Fault, FaultKind};
use lenticular_dicom::pdu::Reject;
use lenticular_policy::Action;
use lenticular_services::audit::Access;
use lenticular_services::network::{DeviceRequest, ListedDevice, TestTarget, is_ae_title, is_host};
use lenticular_services::{Caller, Services};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Instant;
use tokio::sync::Semaphore;
use utoipa::ToSchema;

/// The doors of this subject.
pub const DOORS: &[Door] = &[
    door("GET", "/api/devices", Action::Administer, "Device"),
    door("POST", "/api/devices", Action::Administer, "Device"),
    door("DELETE", "/api/devices/{ae}", Action::Administer, "Device"),
    door("POST", "/api/devices/test", Action::Administer, "Device"),
];

/// The operations of this subject.
pub const OPERATIONS: &[Operation] = &[
    operation("GET", "/api/devices", "The own member's devices.", 200).gives::<Devices>(),
    operation("POST", "/api/devices", "Binds a device, or writes anew what is known of it.", 201)
        .takes::<DeviceRequest>()
        .gives::<ListedDevice>(),
    operation("DELETE", "/api/devices/{ae}", "Unbinds a device.", 204),
    operation("POST", "/api/devices/test", "A C-ECHO to a device, or to the own listener.", 200)
        .takes::<TestRequest>()
        .gives::<TestAnswer>(),
];

/// Devices of a member.
#[derive(Serialize, ToSchema)]
struct Devices {
    devices: Vec<ListedDevice>,
}

/// The routes of this subject.
pub fn router() -> Router<Services> {
    Router::new()
        .route("/api/devices", get(devices).post(put))
        // a device may bear that name
        .route("/api/devices/test", post(test).delete(remove_test))
        .route("/api/devices/{ae}", delete(remove))
}

async fn devices(State(services): State<Services>, headers: HeaderMap) -> Response {
    let outcome = async {
        let caller = caller(&services, &headers, "app").await?;
        let devices = services.own_devices(&caller).await?;
        Ok((StatusCode::OK, json!(Devices { devices })))
    };
    respond(outcome.await)
}

async fn put(State(services): State<Services>, headers: HeaderMap, body: Body) -> Response {
    let outcome = async {
        let caller = caller(&services, &headers, "app").await?;
        let request: DeviceRequest = read(&headers, body).await?;
        let device = services.put_device(&caller, request).await?;
        Ok((StatusCode::CREATED, serde_json::to_value(device).map_err(Fault::internal)?))
    };
    respond(outcome.await)
}

async fn remove(State(services): State<Services>, headers: HeaderMap, Path(ae): Path<String>) -> Response {
    let outcome = async {
        let caller = caller(&services, &headers, "app").await?;
        services.remove_device(&caller, &ae).await?;
        Ok((StatusCode::NO_CONTENT, Value::Null))
    };
    respond(outcome.await)
}

async fn remove_test(services: State<Services>, headers: HeaderMap) -> Response {
    remove(services, headers, Path("test".to_owned())).await
}

/// Whom to call: a device of the own member, or an address; neither is the own listener.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TestRequest {
    ae: Option<String>,
    host: Option<String>,
    port: Option<u16>,
    called: Option<String>,
}

/// How a C-ECHO came out.
#[derive(Serialize, ToSchema)]
struct TestAnswer {
    ok: bool,
    milliseconds: u64,
    /// A short name of the outcome, for whoever says it in another language.
    code: &'static str,
    message: String,
}

/// Tests that run at a time; others wait for their turn.
static TESTS: Semaphore = Semaphore::const_new(4);

async fn test(State(services): State<Services>, headers: HeaderMap, body: Body) -> Response {
    let outcome = async {
        let caller = caller(&services, &headers, "app").await?;
        let request: TestRequest = read(&headers, body).await?;
        let outcome = match services.authorise(&caller, Action::Administer, None) {
            Ok(_) => target(&services, &caller, request).await,
            Err(fault) => Err(fault),
        };
        let entity = match &outcome {
            Ok(TestTarget::Peer { host, port, called }) => format!("{called}@{host}:{port}"),
            Ok(TestTarget::Own) => "own listener".into(),
            Err(_) => String::new(),
        };
        // who asks what to call is in the log before anything is called
        let target = services.audited(&caller, Access::of('E', "c-echo", "Device", &entity), outcome).await?;
        let answer = run(&services, target).await?;
        Ok((StatusCode::OK, serde_json::to_value(answer).map_err(Fault::internal)?))
    };
    respond(outcome.await)
}

async fn target(services: &Services, caller: &Caller, request: TestRequest) -> Result<TestTarget, Fault> {
    let invalid = |words: &str| Err(Fault::new(FaultKind::Invalid, "test", words));
    match (request.ae, request.host, request.port) {
        (Some(ae), None, None) => services.test_target(caller, ae.trim()).await,
        (None, None, None) => Ok(TestTarget::Own),
        (None, Some(host), Some(port)) if port > 0 => {
            let called = request.called.unwrap_or_else(|| "ANY-SCP".into()).trim().to_owned();
            if !is_host(&host) {
                return invalid(
                    "A host is an IP address or a name, such as 10.0.4.17 or ct1.hospital.example.",
                );
            }
            if !is_ae_title(&called) {
                return invalid(
                    "An AE title has 1 to 16 characters of ASCII without backslash (PS3.5 §6.2).",
                );
            }
            Ok(TestTarget::Peer { host, port, called })
        }
        _ => invalid("Name an \"ae\" of the list, or \"host\" and \"port\" (and \"called\"), or nothing."),
    }
}

async fn run(services: &Services, target: TestTarget) -> Result<TestAnswer, Fault> {
    let around = services.surroundings();
    let own_title = around.ae_title.unwrap_or_else(|| "LENTICULAR".into());
    let turn = tokio::time::timeout(PATIENCE, TESTS.acquire()).await;
    let Ok(Ok(_turn)) = turn else {
        let words = "So many tests run already; try again when some have ended.";
        return Err(Fault::new(FaultKind::Busy, "test", words));
    };
    let begun = Instant::now();
    let (ok, code, message) = match target {
        TestTarget::Peer { host, port, called } => {
            let outcome = echo(&host, port, &called, &own_title).await;
            let (code, words) = words(&outcome, &format!("{called} at {host}:{port}"), &own_title);
            (outcome == Outcome::Success, code, words)
        }
        TestTarget::Own => match around.listeners.iter().find(|listener| listener.name == "dimse") {
            None => {
                (false, "off", "This server takes no DICOM associations (dimse.listen is off).".to_owned())
            }
            Some(listener) => {
                let (host, port) = reachable(&listener.address);
                let outcome = echo(&host, port, &own_title, &own_title).await;
                let place = format!("{own_title} at {}", listener.address);
                match outcome {
                    // it knows devices alone, and is none itself
                    Outcome::Rejected(Reject::CALLING_AE_NOT_RECOGNIZED) | Outcome::Success => {
                        let words =
                            format!("{place} answers. It takes associations from the devices of the list.");
                        (true, "success", words)
                    }
                    other => {
                        let (code, words) = words(&other, &place, &own_title);
                        (false, code, words)
                    }
                }
            }
        },
    };
    let milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(TestAnswer { ok, milliseconds, code, message })
}

/// Where a listener of this machine is called from this machine.
fn reachable(address: &str) -> (String, u16) {
    match address.parse::<std::net::SocketAddr>() {
        Ok(address) if address.ip().is_unspecified() => ("127.0.0.1".into(), address.port()),
        Ok(address) => (address.ip().to_string(), address.port()),
        Err(_) => ("127.0.0.1".into(), 0),
    }
}

fn words(outcome: &Outcome, place: &str, own_title: &str) -> (&'static str, String) {
    match outcome {
        Outcome::Success => ("success", format!("{place} answers.")),
        Outcome::Unknown => ("unknown-host", format!("{place}: the name means no address.")),
        Outcome::Forbidden(address) => {
            ("forbidden-address", format!("{place}: {address} is no address of a device."))
        }
        Outcome::Refused => (
            "refused",
            format!("{place} refuses the connection: nothing listens there, or a firewall says no."),
        ),
        Outcome::Silent => (
            "silent",
            format!(
                "{place} did not answer within {} seconds: it is off, or a firewall is silent.",
                PATIENCE.as_secs()
            ),
        ),
        Outcome::Broken(why) => ("broken", format!("{place} ended the conversation: {why}.")),
        Outcome::Rejected(reject) => {
            ("rejected", format!("{place} rejects the association ({reject}). It is called as {own_title}."))
        }
        Outcome::NoVerification => {
            ("no-verification", format!("{place} takes the association, but no C-ECHO in it."))
        }
        Outcome::Failed(status) => {
            ("failed", format!("{place} answers the C-ECHO with status {:04X}.", status.0))
        }
        Outcome::NotDicom => ("not-dicom", format!("{place}: what listens there does not speak DICOM.")),
    }
}

//! The one-time set-up of a fresh deployment.

use super::openapi::{Operation, operation};
use super::{read, respond};
use crate::doors::{Door, open};
use crate::http::user_agent;
use crate::login;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use http::{HeaderMap, StatusCode};
use lenticular_base::{Fault, OrgId, OrgNo};
use lenticular_policy::{Principal, Purpose, Role};
use lenticular_services::audit::Access;
use lenticular_services::browsers::Browser;
use lenticular_services::members::MemberDetails;
use lenticular_services::network::NETWORK;
use lenticular_services::network::setup::{Owner, SetUp};
use lenticular_services::sample::SampleSize;
use lenticular_services::{Caller, Services};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

/// The doors of this subject.
pub const DOORS: &[Door] = &[open("GET", "/api/setup"), open("POST", "/api/setup")];

/// The operations of this subject.
pub const OPERATIONS: &[Operation] = &[
    operation("GET", "/api/setup", "Whether nobody has set this deployment up yet.", 200)
        .gives::<SetupState>(),
    operation("POST", "/api/setup", "Makes the first member, with the secret that the server printed.", 201)
        .takes::<SetupRequest>()
        .gives::<SetupAnswer>(),
];

/// The routes of this subject.
pub fn router() -> Router<Services> {
    Router::new().route("/api/setup", get(state).post(set_up))
}

/// Whether there is anything to set up.
#[derive(Serialize, ToSchema)]
struct SetupState {
    needed: bool,
}

/// The first member, and who owns the deployment.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SetupRequest {
    /// As the server printed it: valid for 30 minutes, once.
    secret: String,
    /// 1 to 63 of `a-z 0-9 -`.
    id: String,
    name: String,
    /// An IANA name, such as `Europe/Berlin`.
    timezone: Option<String>,
    /// `en`, `de` or `zh`.
    locale: Option<String>,
    /// Who signs in as its administrator and the deployment's operator.
    owner: Option<Owner>,
    /// Whether invented patients and images are loaded into it.
    #[serde(default)]
    sample: bool,
}

/// The member that was made.
#[derive(Serialize, ToSchema)]
struct SetupAnswer {
    member: String,
    role: String,
    /// An administrator's token for 8 hours.
    token: String,
    /// The job that loads the sample, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<String>,
}

async fn state(State(services): State<Services>) -> Response {
    let needed = services.members().await.map(|members| members.is_empty());
    respond(needed.map(|needed| (StatusCode::OK, json!(SetupState { needed }))))
}

async fn set_up(State(services): State<Services>, headers: HeaderMap, body: Body) -> Response {
    let request = read(&headers, body).await;
    // to the end, with its entry in the log, even where nobody waits any more
    let running = services.clone();
    let browser = Browser::of(user_agent(&headers));
    let done = tokio::spawn(async move { set_up_audited(&running, request, browser).await });
    match done.await.map_err(Fault::internal).flatten() {
        Ok((made, job)) => {
            let (member, role) = (made.member.id, Role::Administrator.name().to_owned());
            let answer = SetupAnswer { member, role, token: made.token, job };
            let response = respond(Ok((StatusCode::CREATED, json!(answer))));
            match &made.session {
                Some(begun) => login::with_cookie(&services, &headers, response, begun),
                None => response,
            }
        }
        Err(fault) => respond(Err(fault)),
    }
}

/// A success is in the log of the member that it made, a failure in the network's.
async fn set_up_audited(
    services: &Services,
    request: Result<SetupRequest, Fault>,
    browser: Option<Browser>,
) -> Result<(SetUp, Option<String>), Fault> {
    let outcome = async {
        let SetupRequest { secret, id, name, timezone, locale, owner, sample } = request?;
        let details = MemberDetails { name: Some(name), timezone, locale };
        let made = services.set_up(&secret, OrgId::parse(&id)?, details, owner, browser).await?;
        // the member is made whether or not its sample can be loaded; the list of jobs tells
        let job = match sample {
            true => services.load_sample(&made.member, SampleSize::Small).await.ok(),
            false => None,
        };
        Ok((made, job))
    }
    .await;
    let (org, role, agent, entity) = match &outcome {
        Ok((SetUp { member, session, .. }, _)) => {
            let agent = session.as_ref().map_or("owner", |begun| begun.login.as_str());
            (OrgNo(member.no), Role::Administrator, agent, member.id.as_str())
        }
        Err(_) => (NETWORK, Role::Guest, "", ""),
    };
    let principal = Principal::new(org, role, agent);
    let caller = Caller { principal, purpose: Purpose::Treat, way: "app", asked: None };
    services.audited(&caller, Access::of('C', "set-up", "Member", entity), outcome).await
}

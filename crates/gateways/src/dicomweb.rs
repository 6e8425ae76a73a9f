//! DICOMweb at `/dicom-web` (PS3.18): QIDO-RS, WADO-RS and STOW-RS. A URL becomes a [`Target`], a service runs it, its
//! answer streams out.
//!
//! Start reading at [`target`]; [`accept`] says what the client wants, [`respond`] writes it, [`stow`] takes objects in.

pub(crate) mod accept;
mod multipart;
mod parameters;
mod respond;
mod stow;
mod target;

use crate::doors::{Door, door};
use crate::http::{caller, empty, fault_json, pairs, public_url};
use accept::Accept;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::any;
use http::request::Parts as Head;
use http::{Method, StatusCode};
use lenticular_base::{Fault, FaultKind};
use lenticular_policy::Action;
use lenticular_services::studies::search::ImageQuery;
use lenticular_services::{Caller, Services};
use target::Target;

const ROOT: &str = "/dicom-web";

/// The doors of this gateway.
pub const DOORS: &[Door] = &[
    door("GET", "/dicom-web/studies", Action::Search, "Study"),
    door("GET", "/dicom-web/series", Action::Search, "Series"),
    door("GET", "/dicom-web/instances", Action::Search, "Instance"),
    door("GET", "/dicom-web/studies/{study}/series", Action::Search, "Series"),
    door("GET", "/dicom-web/studies/{study}/instances", Action::Search, "Instance"),
    door("GET", "/dicom-web/studies/{study}/series/{series}/instances", Action::Search, "Instance"),
    door("POST", "/dicom-web/studies", Action::Store, "Instance"),
    door("POST", "/dicom-web/studies/{study}", Action::Store, "Instance"),
    door("GET", "/dicom-web/studies/{study}", Action::Read, "Study"),
    door("GET", "/dicom-web/studies/{study}/metadata", Action::Read, "Study"),
    door("GET", "/dicom-web/studies/{study}/rendered", Action::Read, "Study"),
    door("GET", "/dicom-web/studies/{study}/thumbnail", Action::Read, "Study"),
    door("GET", "/dicom-web/studies/{study}/series/{series}", Action::Read, "Series"),
    door("GET", "/dicom-web/studies/{study}/series/{series}/metadata", Action::Read, "Series"),
    door("GET", "/dicom-web/studies/{study}/series/{series}/rendered", Action::Read, "Series"),
    door("GET", "/dicom-web/studies/{study}/series/{series}/thumbnail", Action::Read, "Series"),
    door("GET", "/dicom-web/studies/{study}/series/{series}/instances/{instance}", Action::Read, "Instance"),
    door(
        "GET",
        "/dicom-web/studies/{study}/series/{series}/instances/{instance}/metadata",
        Action::Read,
        "Instance",
    ),
    door(
        "GET",
        "/dicom-web/studies/{study}/series/{series}/instances/{instance}/rendered",
        Action::Read,
        "Instance",
    ),
    door(
        "GET",
        "/dicom-web/studies/{study}/series/{series}/instances/{instance}/thumbnail",
        Action::Read,
        "Instance",
    ),
    door(
        "GET",
        "/dicom-web/studies/{study}/series/{series}/instances/{instance}/bulkdata/{path}",
        Action::Read,
        "Instance",
    ),
    door(
        "GET",
        "/dicom-web/studies/{study}/series/{series}/instances/{instance}/frames/{list}",
        Action::Read,
        "Instance",
    ),
    door(
        "GET",
        "/dicom-web/studies/{study}/series/{series}/instances/{instance}/frames/{list}/rendered",
        Action::Read,
        "Instance",
    ),
    door(
        "GET",
        "/dicom-web/studies/{study}/series/{series}/instances/{instance}/frames/{list}/thumbnail",
        Action::Read,
        "Instance",
    ),
];

/// The routes of this gateway.
pub fn router() -> Router<Services> {
    Router::new().route("/dicom-web", any(handle)).route("/dicom-web/{*path}", any(handle))
}

async fn handle(State(services): State<Services>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let mut body = Some(body);
    let mut response = match run(&services, &head, &mut body).await {
        Ok(response) => response,
        Err(fault) => {
            if let Some(body) = body {
                stow::drain(&mut body.into_data_stream()).await;
            }
            fault_json(&fault)
        }
    };
    if head.method == Method::HEAD {
        *response.body_mut() = Body::empty();
    }
    response
}

/// Takes `body` where it is read.
async fn run(services: &Services, head: &Head, body: &mut Option<Body>) -> Result<Response, Fault> {
    let caller = caller(services, &head.headers, "dicomweb").await?;
    let base = format!("{}{ROOT}", public_url(services, &head.headers));
    let path = head.uri.path().strip_prefix(ROOT).unwrap_or("");
    let target = Target::parse(path)?;
    match head.method {
        Method::GET | Method::HEAD => {
            let query = pairs(head.uri.query().unwrap_or(""));
            let accept = Accept::of(&head.headers, &query)?;
            read(services, &caller, target, query, &accept, head, base).await
        }
        Method::POST => match target {
            Target::Studies => stow::store(services, caller, None, &head.headers, body, &base).await,
            Target::Objects(place) if place.series.is_none() => {
                stow::store(services, caller, Some(place.study), &head.headers, body, &base).await
            }
            _ => Err(no_method()),
        },
        Method::OPTIONS => Ok(empty(StatusCode::NO_CONTENT)),
        _ => Err(no_method()),
    }
}

fn no_method() -> Fault {
    Fault::new(FaultKind::Unsupported, "method", "This resource has no such method.")
}

async fn read(
    services: &Services,
    caller: &Caller,
    target: Target,
    pairs: Vec<(String, String)>,
    accept: &Accept,
    head: &Head,
    base: String,
) -> Result<Response, Fault> {
    if let Some((kind, study, series)) = target.searched() {
        accept.json()?;
        let pairs = pairs.into_iter().filter(|(name, _)| name != "accept").collect();
        let found = services.search_images(caller, ImageQuery { kind, study, series, pairs, base }).await?;
        return Ok(respond::found(found));
    }
    match target {
        Target::Metadata(place) => {
            accept.json()?;
            let gzip = accept::takes_gzip(&head.headers);
            respond::metadata(services.metadata(caller, place, base, gzip).await?, gzip).await
        }
        Target::Objects(place) => {
            let wanted = accept.objects(place.instance.is_some())?;
            let parts = services.retrieve(caller, place, wanted.acceptable()).await?;
            respond::parts(parts, &wanted, &base).await
        }
        Target::Frames(place, numbers) => {
            let wanted = accept.frames(numbers.len() == 1)?;
            let parts = services.frames(caller, place, numbers, wanted.acceptable()).await?;
            respond::parts(parts, &wanted, &base).await
        }
        Target::Bulk(place, path) => {
            let wanted = accept.frames(true)?;
            let parts = services.bulk_data(caller, place, path, wanted.acceptable()).await?;
            respond::parts(parts, &wanted, &base).await
        }
        Target::Rendered(place, numbers) => {
            let (rendering, wanted) = parameters::rendering(accept, &pairs, numbers.len() == 1)?;
            // One picture stands for a study or series where the client takes no more than one.
            let parts = match place.instance.is_none() && !wanted.is_multipart(0) {
                true => services.thumbnail(caller, place, rendering).await?,
                false => services.rendered(caller, place, numbers, rendering).await?,
            };
            respond::parts(parts, &wanted, &base).await
        }
        Target::Thumbnail(place, numbers) => {
            let (rendering, wanted) = parameters::thumbnail(accept, &pairs)?;
            let parts = match (&place.instance, &numbers[..]) {
                (Some(_), [first, ..]) => services.rendered(caller, place, vec![*first], rendering).await?,
                _ => services.thumbnail(caller, place, rendering).await?,
            };
            respond::parts(parts, &wanted, &base).await
        }
        _ => Err(Fault::not_found()),
    }
}

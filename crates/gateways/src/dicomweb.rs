//! DICOMweb (being written).
use crate::doors::Door;
use axum::Router;
use lenticular_services::Services;
pub const DOORS: &[Door] = &[];
pub fn router() -> Router<Services> {
    Router::new()
}

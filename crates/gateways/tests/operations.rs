//! Scenes of running a member's part of the network: what is shared, what waits in the tray, devices, the system, the log.

mod notes;
mod ready;
mod sharing;
mod system;
mod tray;

use crate::house::{Answer, House};
use serde_json::Value;

/// Sends JSON.
async fn send(house: &House, token: &str, method: &str, path: &str, body: Value) -> Answer {
    let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    house.send(token, method, path, &[("content-type", "application/json")], bytes).await
}

async fn get(house: &House, token: &str, path: &str) -> Answer {
    house.get(token, path, "*/*").await
}

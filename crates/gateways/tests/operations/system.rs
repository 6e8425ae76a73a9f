//! Devices and their test, the system, the log as CSV.

use super::{get, send};
use crate::dicomweb::stocked;
use crate::house::House;
use lenticular_gateways::dimse::{DimseSettings, serve};
use lenticular_policy::Role;
use lenticular_services::deployment::{Listener, Space};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// A listener for DICOM of another deployment, on a port of its own.
async fn peer(devices: &[&str]) -> (House, u16, watch::Sender<bool>) {
    let house = House::open().await;
    let member = house.services.member("hospital-a").await.unwrap();
    for ae in devices {
        house.services.add_device(&member, ae, None).await.unwrap();
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (stop, stopped) = watch::channel(false);
    let settings = DimseSettings { ae_title: "PACS".into(), max_associations: 4 };
    tokio::spawn(serve(listener, house.services.clone(), settings, stopped));
    (house, port, stop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_is_bound_tested_and_unbound() {
    let (there, port, _stop) = peer(&["LENTICULAR"]).await;
    let house = House::open().await;
    let admin = house.token("hospital-a", Role::Administrator).await;
    let device =
        json!({ "ae": "CT1", "peer": "10.0.4.17", "host": "127.0.0.1", "port": port, "called": "PACS" });
    let made = send(&house, &admin, "POST", "/api/devices", device.clone()).await;
    assert_eq!(made.status, 201);
    assert_eq!(get(&house, &admin, "/api/devices").await.json(), json!({ "devices": [device] }));
    let tested = send(&house, &admin, "POST", "/api/devices/test", json!({ "ae": "CT1" })).await.json();
    assert_eq!((&tested["ok"], &tested["code"]), (&json!(true), &json!("success")), "{tested}");
    assert!(tested["milliseconds"].is_u64());
    // the other side has seen us
    let their_admin = there.token("hospital-a", Role::Administrator).await;
    let theirs = get(&there, &their_admin, "/api/devices").await.json();
    assert_eq!(theirs["devices"][0]["last_outcome"], "associated");
    assert!(theirs["devices"][0]["last_seen"].is_string());
    // and rejects us as soon as it does not know us any more: it says why
    assert_eq!(
        send(&there, &their_admin, "DELETE", "/api/devices/LENTICULAR", Value::Null).await.status,
        204
    );
    let tested = send(&house, &admin, "POST", "/api/devices/test", json!({ "ae": "CT1" })).await.json();
    assert_eq!((&tested["ok"], &tested["code"]), (&json!(false), &json!("rejected")));
    assert!(tested["message"].as_str().unwrap().contains("calling AE title not recognized"), "{tested}");
    let wrong = json!({ "host": "127.0.0.1", "port": port, "called": "NOBODY" });
    let tested = send(&house, &admin, "POST", "/api/devices/test", wrong).await.json();
    assert_eq!(tested["code"], "rejected");
    // of another member, it is not there
    let stranger = house.token("hospital-b", Role::Administrator).await;
    assert_eq!(
        send(&house, &stranger, "POST", "/api/devices/test", json!({ "ae": "CT1" })).await.status,
        404
    );
    assert_eq!(send(&house, &stranger, "DELETE", "/api/devices/CT1", Value::Null).await.status, 404);
    assert_eq!(send(&house, &stranger, "POST", "/api/devices", json!({ "ae": "CT1" })).await.status, 409);
    assert_eq!(send(&house, &admin, "DELETE", "/api/devices/CT1", Value::Null).await.status, 204);
    assert_eq!(get(&house, &admin, "/api/devices").await.json(), json!({ "devices": [] }));
    assert_eq!(send(&house, &stranger, "POST", "/api/devices", json!({ "ae": "CT1" })).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_device_is_refused_and_what_does_not_answer_is_said() {
    let house = House::open().await;
    let admin = house.token("hospital-a", Role::Administrator).await;
    for bad in [
        json!({ "ae": "" }),
        json!({ "ae": "SEVENTEEN LETTERS" }),
        json!({ "ae": "A\\B" }),
        json!({ "ae": "A", "peer": "everywhere" }),
        json!({ "ae": "A", "host": "h" }),
        json!({ "ae": "A", "host": "h", "port": 0 }),
        json!({ "ae": "A", "host": "h/../x", "port": 104 }),
        json!({ "ae": "A", "more": 1 }),
    ] {
        assert_eq!(send(&house, &admin, "POST", "/api/devices", bad.clone()).await.status, 400, "{bad}");
    }
    let test = async |body: Value| send(&house, &admin, "POST", "/api/devices/test", body).await.json();
    assert_eq!(test(json!({ "host": "169.254.169.254", "port": 80 })).await["code"], "forbidden-address");
    assert_eq!(test(json!({ "host": "0.0.0.0", "port": 80 })).await["code"], "forbidden-address");
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    assert_eq!(test(json!({ "host": "127.0.0.1", "port": free })).await["code"], "refused");
    assert_eq!(test(json!({})).await["code"], "off");
    assert_eq!(send(&house, &house.a, "POST", "/api/devices/test", json!({})).await.status, 403);
    // the own listener answers, though it knows no device
    let (_other, port, _stop) = peer(&[]).await;
    house.services.surround(|around| {
        around.ae_title = Some("PACS".into());
        around.listeners = vec![Listener {
            name: "dimse".into(),
            address: format!("0.0.0.0:{port}"),
            detail: "PACS".into(),
        }];
    });
    let own = test(json!({})).await;
    assert_eq!((&own["ok"], &own["code"]), (&json!(true), &json!("success")), "{own}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_system_is_told_to_administrators() {
    let (house, images) = stocked().await;
    house.services.surround(|around| {
        around.started = Some(house.services.now());
        around.log_level = "info".into();
    });
    let admin = house.token("hospital-a", Role::Administrator).await;
    let system = get(&house, &admin, "/api/system").await.json();
    assert_eq!(system["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(system["storage"]["instances"], images.len());
    assert!(system["storage"]["data_bytes"].is_null() && system["log_level"].is_null(), "not the operator");
    let health = system["health"].as_array().unwrap();
    assert!(!health.is_empty() && health.iter().all(|part| part["ok"] == true), "{system}");
    assert!(
        !system["health"].to_string().contains(|c: char| c.is_ascii_digit()),
        "sizes and positions of all"
    );
    assert_eq!(system["jobs"], json!([]));
    let stranger = house.token("hospital-b", Role::Administrator).await;
    assert_eq!(get(&house, &stranger, "/api/system").await.json()["storage"]["instances"], 0);
    assert_eq!(get(&house, &house.a, "/api/system").await.status, 403);
    let set = send(&house, &admin, "PUT", "/api/system/log", json!({ "level": "debug" })).await;
    assert_eq!(set.status, 403, "the operator alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_a_table_without_formulas() {
    let house = House::open().await;
    get(&house, &house.a, "/fhir/Patient?name=%3DHYPERLINK(%22x%22)").await;
    for _ in 0..3 {
        get(&house, &house.a, "/fhir/Patient?_id=p").await;
    }
    let csv = get(&house, &house.a, "/api/audit.csv").await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8; header=present");
    let text = String::from_utf8(csv.body).unwrap();
    let lines: Vec<&str> = text.strip_prefix('\u{feff}').unwrap().lines().collect();
    assert!(lines[0].starts_with("recorded,member,agent_member,agent,role,action,"));
    assert_eq!(lines.len(), 1 + 4 + 1, "the head, four searches, and this very export: {text}");
    assert!(text.contains("name==HYPERLINK"), "within a cell it is text");
    let some = get(&house, &house.a, "/api/audit.csv?entity=Nothing/x&_count=5").await;
    assert_eq!(String::from_utf8(some.body).unwrap().lines().count(), 1);
    assert_eq!(get(&house, &house.a, "/api/audit.csv?color=red").await.status, 400);
    assert_eq!(get(&house, &house.b, "/api/audit.csv").await.body.split(|b| *b == b'\n').count(), 3);
    let registrar = house.token("hospital-a", Role::Registrar).await;
    assert_eq!(get(&house, &registrar, "/api/audit.csv").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_sees_the_disk_and_sets_the_level_of_the_log() {
    let house = House::empty();
    let secret = house.services.setup_secret().await.unwrap().unwrap();
    let setup = json!({ "secret": secret, "id": "clinic", "name": "Clinic" });
    let made = send(&house, "", "POST", "/api/setup", setup).await.json();
    let operator = made["token"].as_str().unwrap();
    let set = Arc::new(Mutex::new(String::new()));
    let setting = set.clone();
    house.services.surround(|around| {
        around.log_level = "info".into();
        around.measure = Some(Arc::new(|| {
            let gigabyte = 1 << 30;
            Ok(Space { data_bytes: 7, free_bytes: gigabyte, blobs_bytes: 5, database_bytes: 2 })
        }));
        around.set_log_level = Some(Arc::new(move |level| {
            if level == "loud" {
                return Err("no such level".into());
            }
            level.clone_into(&mut setting.lock().unwrap());
            Ok(())
        }));
    });
    let system = get(&house, operator, "/api/system").await.json();
    assert_eq!((&system["storage"]["data_bytes"], &system["log_level"]), (&json!(7), &json!("info")));
    let disk = system["health"].as_array().unwrap().iter().find(|part| part["name"] == "disk").unwrap();
    assert_eq!(disk["ok"], false, "a gigabyte is little for images");
    let level = async |level: &str| {
        send(&house, operator, "PUT", "/api/system/log", json!({ "level": level })).await.status.as_u16()
    };
    assert_eq!((level("loud").await, level("debug").await), (400, 204));
    assert_eq!(*set.lock().unwrap(), "debug");
    assert_eq!(get(&house, operator, "/api/system").await.json()["log_level"], "debug");
    // an administrator of another member sees neither
    let member = house.services.member("clinic").await.unwrap();
    let other = house.services.issue_token(&member, Role::Administrator, "x", 3_600_000).await.unwrap();
    let system = get(&house, &other, "/api/system").await.json();
    assert!(system["storage"]["data_bytes"].is_null() && system["log_level"].is_null());
}

//! Commands of whoever owns the data folder: members, devices, tokens, verification. Each works beside a running server.

use crate::Place;
use crate::run::{open, open_there, runtime};
use anyhow::{Context, Result, anyhow, bail};
use indicatif::{ProgressBar, ProgressStyle};
use lenticular_base::OrgId;
use lenticular_engines::{Engine, Finding};
use lenticular_policy::Role;
use lenticular_services::Services;
use serde_json::json;
use std::process::ExitCode;
use std::sync::Arc;

/// Opens the place where a network is, runs one piece of asynchronous work over the services, and closes.
pub fn with_services<T>(place: &Place, work: impl AsyncFnOnce(&Services) -> Result<T>) -> Result<T> {
    over(open_there(place.data(), &place.load()?)?, work)
}

fn over<T>(
    (engine, services): (Engine, Services),
    work: impl AsyncFnOnce(&Services) -> Result<T>,
) -> Result<T> {
    let runtime = runtime()?;
    let outcome = runtime.block_on(work(&services));
    drop(services);
    drop(runtime);
    engine.close();
    outcome
}

/// `lenticular org add`: begins the network where there is none.
pub fn org_add(place: &Place, id: &str, name: &str, first: bool, json: bool) -> Result<ExitCode> {
    let id = OrgId::parse(id).map_err(|fault| anyhow!(fault.public))?;
    let member = over(open(place.data(), &place.load()?)?, async |services| {
        let added = match first {
            true => services.add_first_member(id, name).await,
            false => services.add_member(id, name).await.map(Some),
        };
        added.map_err(|fault| anyhow!(fault.public))
    })?;
    match (member, json) {
        (Some(member), true) => println!("{}", json!({ "id": member.id, "name": member.name })),
        (Some(member), false) => println!("member {} ({})", member.id, member.name),
        (None, true) => println!("{}", json!({ "id": null, "name": null })),
        (None, false) => println!("there are members already; nothing was changed"),
    }
    Ok(ExitCode::SUCCESS)
}

/// `lenticular org list`
pub fn org_list(place: &Place, json: bool) -> Result<ExitCode> {
    let members = with_services(place, async |services| Ok(services.members().await?))?;
    if json {
        let list: Vec<_> = members.iter().map(|m| json!({ "id": m.id, "name": m.name })).collect();
        println!("{}", json!({ "members": list }));
    } else {
        for member in members {
            println!("{:<24} {}", member.id, member.name);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// `lenticular device add`
pub fn device_add(place: &Place, org: &str, ae: &str, peer: Option<String>, json: bool) -> Result<ExitCode> {
    let device = with_services(place, async |services| {
        let member = services.member(org).await.map_err(|fault| anyhow!(fault.public))?;
        services.add_device(&member, ae, peer).await.map_err(|fault| anyhow!(fault.public))
    })?;
    let peer = device.peer.as_deref().unwrap_or("this machine");
    if json {
        println!("{}", json!({ "ae": device.ae, "org": device.org_id, "peer": device.peer }));
    } else {
        println!("device {} stores for {} from {peer}", device.ae, device.org_id);
    }
    Ok(ExitCode::SUCCESS)
}

/// `lenticular device list`
pub fn device_list(place: &Place, json: bool) -> Result<ExitCode> {
    let devices = with_services(place, async |services| Ok(services.devices().await?))?;
    if json {
        let list: Vec<_> =
            devices.iter().map(|d| json!({ "ae": d.ae, "org": d.org_id, "peer": d.peer })).collect();
        println!("{}", json!({ "devices": list }));
    } else {
        for device in devices {
            println!(
                "{:<18}{:<24}{}",
                device.ae,
                device.org_id,
                device.peer.as_deref().unwrap_or("this machine")
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// `lenticular token`
pub fn token(place: &Place, org: &str, role: &str, user: &str, ttl: &str, json: bool) -> Result<ExitCode> {
    let role = Role::parse(role)
        .ok_or_else(|| anyhow!("a role is administrator, clinician, radiologist or registrar, not {role}"))?;
    let ttl = parse_duration(ttl)?;
    let token = with_services(place, async |services| {
        let member = services.member(org).await.map_err(|fault| anyhow!(fault.public))?;
        services.issue_token(&member, role, user, ttl).await.map_err(|fault| anyhow!(fault.public))
    })?;
    if json {
        println!(
            "{}",
            json!({ "token": token, "org": org, "role": role.name(), "user": user, "expires_in": ttl / 1000 })
        );
    } else {
        println!("{token}");
    }
    Ok(ExitCode::SUCCESS)
}

/// `90s`, `30m`, `8h`, `7d` in milliseconds.
fn parse_duration(text: &str) -> Result<i64> {
    let words = || format!("a duration is a number with s, m, h or d, such as 8h; not {text}");
    let unit = match text.as_bytes().last() {
        Some(b's') => 1000,
        Some(b'm') => 60_000,
        Some(b'h') => 3_600_000,
        Some(b'd') => 86_400_000,
        _ => bail!(words()),
    };
    let count: i64 = text[..text.len() - 1].parse().with_context(words)?;
    count.checked_mul(unit).filter(|ms| *ms > 0).with_context(words)
}

/// A bar on a terminal, nothing in a script.
pub fn bar(what: &'static str) -> ProgressBar {
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template("{prefix} [{bar:40}] {human_pos}/{human_len} {per_sec} {eta}")
        .expect("the template of the bar is well formed");
    bar.set_style(style.progress_chars("=> "));
    bar.set_prefix(what);
    bar
}

/// `lenticular verify`
pub fn verify(place: &Place, json: bool) -> Result<ExitCode> {
    let config = place.load()?;
    let (engine, services) = open_there(place.data(), &config)?;
    let bar = bar("verify");
    let report = engine
        .verify(&lenticular_services::extract::entries, &mut |done, all| {
            bar.set_length(all);
            bar.set_position(done);
        })
        .map_err(|fault| anyhow!("{fault}"));
    bar.finish_and_clear();
    drop(services);
    engine.close();
    let report = report?;
    let clean = report.is_clean();
    let findings: Vec<String> = report.findings.iter().map(describe).collect();
    if json {
        println!(
            "{}",
            json!({
                "clean": clean,
                "versions": report.records,
                "commits": report.positions,
                "blobs": report.blobs,
                "blob_bytes": report.blob_bytes,
                "audit_entries": report.audit_entries,
                "reclaimable": report.reclaimable,
                "reclaimable_bytes": report.reclaimable_bytes,
                "wrong": report.wrong,
                "findings": findings,
            })
        );
    } else {
        println!(
            "{} versions in {} commits, {} blobs ({} bytes) re-hashed, {} audit entries; {} bytes reclaimable",
            report.records,
            report.positions,
            report.blobs,
            report.blob_bytes,
            report.audit_entries,
            report.reclaimable_bytes
        );
        for finding in &findings {
            println!("WRONG: {finding}");
        }
        println!(
            "{}",
            if clean { "clean".to_owned() } else { format!("NOT clean: {} findings", report.wrong) }
        );
    }
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A finding in words: rows by number, never by what is in them.
fn describe(finding: &Finding) -> String {
    let mut text = finding.code.to_owned();
    let numbers =
        [("version", finding.vid), ("kind", finding.kind.map(i64::from)), ("position", finding.position)];
    for (name, number) in numbers {
        if let Some(number) = number {
            text.push_str(&format!(" {name} {number}"));
        }
    }
    if let Some(place) = &finding.place {
        text.push_str(&format!(" at {place}"));
    }
    text
}

/// `lenticular reindex`
pub fn reindex(place: &Place, json: bool) -> Result<ExitCode> {
    let config = place.load()?;
    let (engine, services) = open_there(place.data(), &config)?;
    let bar = bar("reindex");
    let outcome = engine
        .rebuild_indexes(Arc::new(lenticular_services::extract::entries), &mut |done, all| {
            bar.set_length(all);
            bar.set_position(done);
        })
        .map_err(|fault| anyhow!("{fault}"));
    bar.finish_and_clear();
    drop(services);
    engine.close();
    let rows = outcome?;
    if json {
        println!("{}", json!({ "rows": rows }));
    } else {
        println!("{rows} versions indexed again");
    }
    Ok(ExitCode::SUCCESS)
}

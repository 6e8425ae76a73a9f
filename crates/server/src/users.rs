//! Commands for users: whoever owns the data folder lets people in, and in again.

use crate::Place;
use crate::commands::with_services;
use anyhow::{Result, anyhow};
use lenticular_base::OrgNo;
use lenticular_policy::Role;
use lenticular_services::users::fresh_password;
use serde_json::json;
use std::process::ExitCode;

/// What `lenticular user add` was given.
#[derive(clap::Args)]
pub struct NewUser {
    /// The member.
    #[arg(long)]
    org: String,
    /// What the person signs in with: 1 to 64 of a-z, 0-9, '.', '_', '@', '-'.
    #[arg(long)]
    login: String,
    #[arg(long)]
    name: String,
    /// administrator, clinician, radiologist, registrar or patient.
    #[arg(long)]
    role: String,
    /// The Patient id of the member, for the role patient.
    #[arg(long)]
    patient: Option<String>,
    /// Lets the person run the deployment: make members, see its storage.
    #[arg(long)]
    operator: bool,
}

/// `lenticular user add`: prints the password, this once.
pub fn add(place: &Place, user: &NewUser, json: bool) -> Result<ExitCode> {
    let role = Role::parse(&user.role).ok_or_else(|| {
        anyhow!("a role is administrator, clinician, radiologist, registrar or patient, not {}", user.role)
    })?;
    let fault = |fault: lenticular_base::Fault| anyhow!(fault.public);
    let password = fresh_password().map_err(fault)?;
    let taken = with_services(place, async |services| {
        let member = services.member(&user.org).await.map_err(fault)?;
        let patient = user.patient.clone();
        services
            .add_user(&member, &user.login, &user.name, role, patient, &password, user.operator)
            .await
            .map_err(fault)
    })?;
    let shown = taken.then_some(password);
    if json {
        println!(
            "{}",
            json!({ "login": user.login, "org": user.org, "role": role.name(), "password": shown })
        );
    } else {
        match shown {
            Some(password) => println!("{password}"),
            None => println!("{} keeps the password it has at another member", user.login),
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// `lenticular user list`
pub fn list(place: &Place, org: &str, json: bool) -> Result<ExitCode> {
    let users = with_services(place, async |services| {
        let member = services.member(org).await.map_err(|fault| anyhow!(fault.public))?;
        services.users_of(OrgNo(member.no)).await.map_err(|fault| anyhow!(fault.public))
    })?;
    if json {
        println!("{}", json!({ "users": users }));
    } else {
        for user in users {
            let state = if user.disabled { " (disabled)" } else { "" };
            println!("{:<24} {:<14} {}{state}", user.login, user.role, user.name);
        }
    }
    Ok(ExitCode::SUCCESS)
}

//! `lenticular`: the open health cloud in one binary.

mod commands;
mod config;
mod copies;
mod demo;
mod health;
mod import;
mod log;
mod manual;
mod run;
mod supervisor;
mod surroundings;
mod users;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Lenticular, the open health cloud: images and records in one place, seen clearly.
///
/// Not a certified medical device.
#[derive(Parser)]
#[command(name = "lenticular", version, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// Where the data lies and what was decided.
#[derive(clap::Args, Clone)]
pub struct Place {
    /// The data folder; made where it is missing.
    #[arg(long, default_value = "lenticular-data")]
    data: PathBuf,
    /// A TOML file with settings (see `lenticular config`).
    #[arg(long)]
    config: Option<PathBuf>,
    /// A setting, such as `http.listen=127.0.0.1:0`; wins over file and environment. May be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
}

#[derive(Subcommand)]
enum Command {
    /// Start the server; on an empty data folder it prints a one-time set-up link.
    Serve(Place),
    /// Start with a sample network: two hospitals, a reading centre, 200 people, CT, MR, X-ray and ultrasound.
    Demo {
        /// The data folder; absent: a new one below the system's temporary folder.
        #[arg(long)]
        data: Option<PathBuf>,
        /// A setting, as for `serve`.
        #[arg(long = "set", value_name = "KEY=VALUE")]
        settings: Vec<String>,
        /// Print tokens and addresses as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Take in DICOM files, FHIR bundles and resources (JSON, NDJSON), and whole folders of them.
    Import {
        #[command(flatten)]
        place: Place,
        /// The member that they belong to.
        #[arg(long)]
        org: String,
        /// Print the report as JSON.
        #[arg(long)]
        json: bool,
        #[arg(required = true)]
        paths: Vec<PathBuf>,
    },
    /// Print a short-lived bearer token.
    Token {
        #[command(flatten)]
        place: Place,
        #[arg(long)]
        org: String,
        /// administrator, clinician, radiologist or registrar.
        #[arg(long)]
        role: String,
        /// Whom the audit log names.
        #[arg(long, default_value = "script")]
        user: String,
        /// How long it lives: 90s, 30m, 8h, 7d.
        #[arg(long, default_value = "8h")]
        ttl: String,
        #[arg(long)]
        json: bool,
    },
    /// Members of the network.
    #[command(subcommand)]
    Org(OrgCommand),
    /// People who sign in: a login, a name and a role at a member.
    #[command(subcommand)]
    User(UserCommand),
    /// Devices that may store: an AE title and where it calls from, bound to one member.
    #[command(subcommand)]
    Device(DeviceCommand),
    /// Re-hash every blob, compare rows, indexes and log, and say what is wrong. Exits 1 where something is.
    Verify {
        #[command(flatten)]
        place: Place,
        #[arg(long)]
        json: bool,
    },
    /// Print the commits: position, time, member, how many changes; with `--follow` as they come. Never what was changed.
    Log {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        asked: log::Asked,
    },
    /// Drop every search index and build it again from the stored versions.
    Reindex {
        #[command(flatten)]
        place: Place,
        #[arg(long)]
        json: bool,
    },
    /// Ask the server of this machine whether it takes work (`/readyz`). Exits 1 where it does not, and says which part.
    Health {
        #[command(flatten)]
        place: Place,
        /// Where it listens; absent: where the settings say (http.listen).
        #[arg(long, value_name = "ADDRESS:PORT")]
        address: Option<String>,
        /// Ask only whether the process lives (`/healthz`).
        #[arg(long)]
        live: bool,
    },
    /// Print completions for a shell.
    Completions { shell: clap_complete::Shell },
    /// Write manual pages, one for each command, into a folder.
    Manual { folder: PathBuf },
    /// Move the network to another place, while it runs: a folder, PostgreSQL, an object store, or back.
    Migrate {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        asked: copies::Migrate,
    },
    /// Back the network up to a folder, while it runs; the second time, only what is new is copied.
    Backup {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        asked: copies::Backup,
    },
    /// Make a network of a backup, in an empty place; as of an earlier position, where one is named.
    Restore {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        asked: copies::Restore,
    },
    /// Print every setting with its value, as TOML.
    Config {
        #[command(flatten)]
        place: Place,
        /// Say where each value came from.
        #[arg(long)]
        origin: bool,
    },
}

#[derive(Subcommand)]
enum OrgCommand {
    /// Add a member, or rename it.
    Add {
        #[command(flatten)]
        place: Place,
        #[arg(long)]
        id: String,
        #[arg(long)]
        name: String,
        /// Only where there is no member yet; else change nothing. For what sets a network up at every start.
        #[arg(long)]
        first: bool,
        #[arg(long)]
        json: bool,
    },
    /// List the members.
    List {
        #[command(flatten)]
        place: Place,
        #[arg(long)]
        json: bool,
    },
}

#[derive(Subcommand)]
enum UserCommand {
    /// Let a person in and print the password; of a login that is there already, give a new one.
    Add {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        user: users::NewUser,
        #[arg(long)]
        json: bool,
    },
    /// List the users of a member.
    List {
        #[command(flatten)]
        place: Place,
        #[arg(long)]
        org: String,
        #[arg(long)]
        json: bool,
    },
}

#[derive(Subcommand)]
enum DeviceCommand {
    /// Bind an AE title to a member.
    Add {
        #[command(flatten)]
        place: Place,
        #[arg(long)]
        org: String,
        #[arg(long)]
        ae: String,
        /// The IP address it calls from; absent: this machine alone.
        #[arg(long)]
        peer: Option<String>,
        #[arg(long)]
        json: bool,
    },
    /// List the devices.
    List {
        #[command(flatten)]
        place: Place,
        #[arg(long)]
        json: bool,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let served = match &arguments.command {
        Command::Serve(place) => Some(place.clone()),
        _ => None,
    };
    match dispatch(arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("lenticular: {error:#}");
            match served.is_some_and(|place| run::is_for_good(&place, &error)) {
                true => ExitCode::from(run::FOR_GOOD),
                false => ExitCode::FAILURE,
            }
        }
    }
}

fn dispatch(arguments: Arguments) -> Result<ExitCode> {
    match arguments.command {
        Command::Serve(place) => run::serve(&place, None),
        Command::Demo { data, settings, json } => demo::run(data, settings, json),
        Command::Import { place, org, json, paths } => import::run(&place, &org, json, &paths),
        Command::Token { place, org, role, user, ttl, json } => {
            commands::token(&place, &org, &role, &user, &ttl, json)
        }
        Command::Org(OrgCommand::Add { place, id, name, first, json }) => {
            commands::org_add(&place, &id, &name, first, json)
        }
        Command::Org(OrgCommand::List { place, json }) => commands::org_list(&place, json),
        Command::User(UserCommand::Add { place, user, json }) => users::add(&place, &user, json),
        Command::User(UserCommand::List { place, org, json }) => users::list(&place, &org, json),
        Command::Device(DeviceCommand::Add { place, org, ae, peer, json }) => {
            commands::device_add(&place, &org, &ae, peer, json)
        }
        Command::Device(DeviceCommand::List { place, json }) => commands::device_list(&place, json),
        Command::Verify { place, json } => commands::verify(&place, json),
        Command::Log { place, asked } => log::run(&place, &asked),
        Command::Reindex { place, json } => commands::reindex(&place, json),
        Command::Health { place, address, live } => {
            let address = match address {
                Some(address) => address,
                None => place.load()?.text("http.listen").to_owned(),
            };
            health::ask(&address, live)
        }
        Command::Completions { shell } => manual::complete(shell),
        Command::Manual { folder } => manual::write(&folder),
        Command::Migrate { place, asked } => copies::migrate(&place, &asked),
        Command::Backup { place, asked } => copies::backup(&place, &asked),
        Command::Restore { place, asked } => copies::restore(&place, &asked),
        Command::Config { place, origin } => {
            print!("{}", place.load()?.print(origin));
            Ok(ExitCode::SUCCESS)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_reads() {
        <Arguments as clap::CommandFactory>::command().debug_assert();
    }
}

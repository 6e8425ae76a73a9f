//! Wiring: engine, services, listeners, the ready line, and draining.

use crate::Place;
use crate::config::{Config, without_password};
use crate::{supervisor, surroundings};
use anyhow::{Context, Result, anyhow, bail};
use lenticular_base::{Fault, FaultKind, Instant};
use lenticular_engines::{Engine, ObjectPlace, OpenOptions};
use lenticular_gateways::assets::Asset;
use lenticular_gateways::dimse::{self, DimseSettings};
use lenticular_gateways::server;
use lenticular_services::deployment::SetLogLevel;
use lenticular_services::{Clock, Services, Settings};
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, watch};

impl Place {
    /// The settings of this place.
    pub fn load(&self) -> Result<Config> {
        Config::load(self.config.as_deref(), std::env::vars(), &overrides(&self.settings)?)
    }

    /// The data folder.
    pub fn data(&self) -> &Path {
        &self.data
    }
}

/// `key=value` pairs of the command line.
pub fn overrides(settings: &[String]) -> Result<Vec<(String, String)>> {
    settings
        .iter()
        .map(|setting| {
            let (key, value) =
                setting.split_once('=').ok_or_else(|| anyhow!("--set takes KEY=VALUE, not {setting}"))?;
            Ok((key.to_owned(), value.to_owned()))
        })
        .collect()
}

/// The clock of this machine.
pub fn clock() -> Clock {
    Arc::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Instant(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    })
}

/// The runtime: reads that wait get threads of their own, which end when they are idle.
pub fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(64)
        .thread_stack_size(2 << 20)
        .build()
        .context("starting the runtime")
}

/// Nobody means a folder by the address of a database, mistyped or not, and its password is not to stand in the name of one.
fn refuse_address(path: &Path) -> Result<()> {
    const OF_LIBPQ: [&str; 6] = ["host", "hostaddr", "dbname", "user", "password", "service"];
    let text = path.to_string_lossy();
    let names_user = |part: &str| part.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'));
    let names_scheme = |part: &str| {
        part.split_once(':').is_some_and(|(scheme, _)| ["postgres", "postgresql", "s3"].contains(&scheme))
    };
    let is_address = text.contains("://")
        || text.split('/').any(names_user)
        || text.split('/').next().is_some_and(names_scheme)
        || text.split_whitespace().any(|word| {
            word.split_once('=')
                .is_some_and(|(name, _)| OF_LIBPQ.contains(&name.to_ascii_lowercase().as_str()))
        });
    if is_address {
        bail!(
            "this names a folder, not an address: nothing was made. A database is postgres://user:password@host/database, and goes to store.url or to `migrate --to`"
        );
    }
    Ok(())
}

/// How the settings say that the store is opened.
pub fn options(data: &Path, config: &Config) -> Result<OpenOptions> {
    refuse_address(data)?;
    let mut options = OpenOptions::new(data, {
        let clock = clock();
        move || clock()
    });
    let setting = |key: &str| Some(config.text(key).to_owned()).filter(|text| !text.is_empty());
    options.database = setting("store.url");
    if options.database.is_some() {
        options.readers = usize::try_from(config.number("store.connections")?)?;
    }
    options.objects = setting("blobs.url").map(|url| ObjectPlace {
        url,
        endpoint: setting("blobs.endpoint"),
        path_style: config.text("blobs.path_style") == "true",
        ca: setting("blobs.ca").map(PathBuf::from),
    });
    Ok(options)
}

/// The place in words.
fn name(data: &Path, config: &Config) -> String {
    match config.text("store.url") {
        "" => data.display().to_string(),
        url => without_password(url),
    }
}

/// Opens the store of a place where a network is, and the services over it: who looks, or works on what is there, makes no second
/// network where a setting is missing.
pub fn open_there(data: &Path, config: &Config) -> Result<(Engine, Services)> {
    let there = lenticular_engines::is_there(&options(data, config)?)
        .map_err(|fault| anyhow!("{}: {fault}", name(data, config)))?;
    if !there {
        bail!(
            "there is no network in {}; --data and store.url say where it is (`lenticular config --origin` shows what they are), \
             and `lenticular org add` begins one",
            name(data, config)
        );
    }
    open(data, config)
}

/// The exit code of `serve` where starting it once more would come to the same (`EX_CONFIG` of sysexits.h); the unit of systemd knows it.
pub const FOR_GOOD: u8 = 78;

/// Whether `serve` failed with what only somebody's hand changes: its settings, a network that has moved, tables of a newer version.
pub fn is_for_good(place: &Place, error: &anyhow::Error) -> bool {
    let kind = error.downcast_ref::<Fault>().map(|fault| fault.kind);
    let settled = [FaultKind::Conflict, FaultKind::Unsupported, FaultKind::Invalid, FaultKind::Corrupt];
    place.load().is_err() || kind.is_some_and(|kind| settled.contains(&kind))
}

/// Opens the store of a data folder and the services over it; makes it where there is none.
pub fn open(data: &Path, config: &Config) -> Result<(Engine, Services)> {
    let options = options(data, config)?;
    let engine = lenticular_engines::open(options)
        .map_err(|fault| anyhow::Error::new(fault).context(name(data, config)))?;
    let url = config.text("http.public_url").trim_end_matches('/');
    let settings = Settings {
        public_url: (!url.is_empty()).then(|| url.to_owned()),
        body_limit: config.number("limits.body")?,
        object_limit: config.number("limits.object")?,
        page_default: u32::try_from(config.number("fhir.page_default")?)?,
        page_limit: u32::try_from(config.number("fhir.page_limit")?)?,
    };
    let services = Services::new(engine.store.clone(), engine.clock(clock()), settings);
    Ok((engine, services))
}

/// What a command does between the listeners being up and their first request, each time the network begins anew.
pub type Prepare =
    Box<dyn FnMut(&tokio::runtime::Runtime, &Services, SocketAddr, Option<SocketAddr>) -> Result<()>>;

/// What the demo adds to serving.
pub struct Staging {
    pub prepare: Prepare,
    /// Empties the data folder, so that it can be prepared again.
    pub wipe: Box<dyn Fn() -> Result<()>>,
}

/// How a round of serving ended.
#[derive(PartialEq, Eq)]
enum End {
    Stopped,
    Reset,
}

/// Serves until SIGTERM or SIGINT, then drains and exits 0. A demo that is reset drains, is wiped and prepared, and serves on
/// at the same addresses: whoever connects meanwhile waits.
pub fn serve(place: &Place, mut staging: Option<Staging>) -> Result<ExitCode> {
    let config = place.load()?;
    let log = surroundings::start_log(config.text("log.level"));
    let mut process = Process { place, config, log, runtime: runtime()?, doors: None, signals: None };
    let (engine, outcome) = loop {
        let (engine, services) = open(place.data(), &process.config)?;
        let outcome = process.round(services, staging.as_mut());
        match (&outcome, &staging) {
            (Ok(End::Reset), Some(staging)) => {
                engine.close();
                (staging.wipe)()?;
            }
            _ => break (engine, outcome),
        }
    };
    process.runtime.shutdown_timeout(std::time::Duration::from_secs(5));
    engine.close();
    outcome.map(|_| ExitCode::SUCCESS)
}

/// SIGTERM and SIGINT.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

/// What lasts from one round of serving to the next.
struct Process<'a> {
    place: &'a Place,
    config: Config,
    log: SetLogLevel,
    runtime: tokio::runtime::Runtime,
    doors: Option<Doors>,
    signals: Option<Signals>,
}

impl Process<'_> {
    /// Serves until the end of the process, or of the demo's round, is asked for, and drains.
    fn round(&mut self, mut services: Services, staging: Option<&mut Staging>) -> Result<End> {
        let reset = Arc::new(Notify::new());
        if staging.is_some() {
            let reset = reset.clone();
            services = services.with_reset(Arc::new(move || reset.notify_one()));
        }
        let Process { place, config, log, runtime, doors, signals } = self;
        let doors = match doors {
            Some(doors) => doors,
            None => doors.insert(runtime.block_on(Doors::open(config, &services))?),
        };
        let (http_at, dimse_at) = doors.addresses()?;
        surroundings::tell(&services, config, place.data(), log, (http_at, dimse_at));
        if let Some(staging) = staging {
            (staging.prepare)(runtime, &services, http_at, dimse_at)?;
        }
        runtime.block_on(async {
            let (stop, stopped) = watch::channel(false);
            let site = server::site(services.clone(), pages);
            let http = tokio::spawn(server::serve(doors.http()?, site, stopped.clone()));
            let dimse = doors.dimse()?.map(|listener| {
                let settings = DimseSettings {
                    ae_title: config.text("dimse.ae_title").to_owned(),
                    max_associations: usize::try_from(config.number("dimse.max_associations").unwrap_or(64))
                        .unwrap_or(64),
                };
                tokio::spawn(dimse::serve(listener, services.clone(), settings, stopped))
            });
            let signals = match signals {
                Some(signals) => signals,
                None => {
                    // Whoever reads the ready line may signal at once.
                    let heard = Signals {
                        terminate: signal(SignalKind::terminate())?,
                        interrupt: signal(SignalKind::interrupt())?,
                    };
                    announce(&services, http_at, dimse_at).await?;
                    supervisor::tell(supervisor::READY);
                    signals.insert(heard)
                }
            };
            let end = tokio::select! {
                _ = signals.terminate.recv() => End::Stopped,
                _ = signals.interrupt.recv() => End::Stopped,
                () = reset.notified() => End::Reset,
            };
            tracing::info!("draining");
            if end == End::Stopped {
                supervisor::tell(supervisor::STOPPING);
                services.drain();
                // a second signal is impatience
                tokio::select! {
                    () = tokio::time::sleep(config.drain()?) => {}
                    _ = signals.terminate.recv() => {}
                    _ = signals.interrupt.recv() => {}
                }
            }
            let _ = stop.send(true);
            http.await?;
            if let Some(dimse) = dimse {
                dimse.await?;
            }
            Ok(end)
        })
    }
}

/// The app's files, as the gateways take them.
fn pages(path: &str, accept_encoding: &str) -> Option<Asset> {
    let lenticular_ui::Asset { bytes, media, encoding, etag, immutable } =
        lenticular_ui::asset(path, accept_encoding)?;
    Some(Asset { bytes, media, encoding, etag, immutable })
}

/// The listening sockets: they outlive the rounds of a demo.
struct Doors {
    http: std::net::TcpListener,
    dimse: Option<std::net::TcpListener>,
}

impl Doors {
    async fn open(config: &Config, services: &Services) -> Result<Doors> {
        let (http, dimse) = listen(config, services).await?;
        Ok(Doors { http: http.into_std()?, dimse: dimse.map(TcpListener::into_std).transpose()? })
    }

    fn addresses(&self) -> Result<(SocketAddr, Option<SocketAddr>)> {
        let dimse = self.dimse.as_ref().map(std::net::TcpListener::local_addr).transpose()?;
        Ok((self.http.local_addr()?, dimse))
    }

    fn http(&self) -> Result<TcpListener> {
        Ok(TcpListener::from_std(self.http.try_clone()?)?)
    }

    fn dimse(&self) -> Result<Option<TcpListener>> {
        let Some(listener) = &self.dimse else { return Ok(None) };
        Ok(Some(TcpListener::from_std(listener.try_clone()?)?))
    }
}

async fn listen(config: &Config, services: &Services) -> Result<(TcpListener, Option<TcpListener>)> {
    let owned = !services.members().await?.is_empty();
    let bind = async |key: &str| -> Result<TcpListener> {
        let wanted: SocketAddr = config
            .text(key)
            .parse()
            .with_context(|| format!("{key} is ADDRESS:PORT, not {}", config.text(key)))?;
        let address = if owned || wanted.ip().is_loopback() {
            wanted
        } else {
            tracing::warn!("{key}: on loopback alone until the owner has set the network up");
            SocketAddr::from(([127, 0, 0, 1], wanted.port()))
        };
        TcpListener::bind(address).await.with_context(|| format!("{key}: listening on {address}"))
    };
    let http = bind("http.listen").await?;
    let dimse = match config.text("dimse.listen") {
        "off" => None,
        _ => Some(bind("dimse.listen").await?),
    };
    Ok((http, dimse))
}

/// Prints the set-up link where nobody owns the network yet (standard error), then the ready line (standard output).
async fn announce(services: &Services, http: SocketAddr, dimse: Option<SocketAddr>) -> Result<()> {
    if let Some(secret) = services.setup_secret().await? {
        eprintln!("Nobody has set this network up. Within 30 minutes, once, in a browser:");
        eprintln!("  http://{http}/setup#{secret}");
        eprintln!("or with a script:");
        eprintln!(
            "  curl -X POST http://{http}/api/setup -d '{{\"secret\":\"{secret}\",\"id\":\"my-hospital\",\"name\":\"My Hospital\"}}'"
        );
        eprintln!(
            "or, on this machine: lenticular org add --data DIR --id my-hospital --name \"My Hospital\""
        );
    }
    let mut line = format!("ready http={http}");
    if let Some(dimse) = dimse {
        line.push_str(&format!(" dimse={dimse}"));
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()?;
    Ok(())
}

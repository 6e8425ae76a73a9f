//! Wiring: engine, services, listeners, the ready line, and draining.

use crate::Place;
use crate::config::Config;
use anyhow::{Context, Result, anyhow};
use lenticular_base::Instant;
use lenticular_engines::{Engine, OpenOptions};
use lenticular_gateways::dimse::{self, DimseSettings};
use lenticular_gateways::server;
use lenticular_services::{Clock, Services, Settings};
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

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

/// The one clock of the process.
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

/// Opens the store of a data folder and the services over it.
pub fn open(data: &Path, config: &Config) -> Result<(Engine, Services)> {
    let mut options = OpenOptions::new(data, {
        let clock = clock();
        move || clock()
    });
    options.readers = 4;
    let engine = lenticular_engines::open(options).map_err(|fault| anyhow!("{}: {fault}", data.display()))?;
    let url = config.text("http.public_url").trim_end_matches('/');
    let settings = Settings {
        public_url: (!url.is_empty()).then(|| url.to_owned()),
        body_limit: config.number("limits.body")?,
        object_limit: config.number("limits.object")?,
        page_default: u32::try_from(config.number("fhir.page_default")?)?,
        page_limit: u32::try_from(config.number("fhir.page_limit")?)?,
    };
    let services = Services::new(engine.store.clone(), clock(), settings);
    Ok((engine, services))
}

/// What a command does between the listeners being up and the ready line.
pub type Prepare =
    Box<dyn FnOnce(&tokio::runtime::Runtime, &Services, SocketAddr, Option<SocketAddr>) -> Result<()>>;

/// Serves until SIGTERM or SIGINT, then drains and exits 0.
pub fn serve(place: &Place, prepare: Option<Prepare>) -> Result<ExitCode> {
    let config = place.load()?;
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(tracing_subscriber::EnvFilter::new(config.text("log.level")))
        .init();
    let (engine, services) = open(place.data(), &config)?;
    let runtime = runtime()?;
    let outcome = runtime.block_on(listen(&config, &services)).and_then(|(http, dimse)| {
        let http_at = http.local_addr()?;
        let dimse_at = dimse.as_ref().map(TcpListener::local_addr).transpose()?;
        let (stop, stopped) = watch::channel(false);
        let router = server::router(services.clone());
        let http = runtime.spawn(server::serve(http, router, stopped.clone()));
        let dimse = dimse.map(|listener| {
            let settings = DimseSettings {
                ae_title: config.text("dimse.ae_title").to_owned(),
                max_associations: usize::try_from(config.number("dimse.max_associations").unwrap_or(64))
                    .unwrap_or(64),
            };
            runtime.spawn(dimse::serve(listener, services.clone(), settings, stopped))
        });
        if let Some(prepare) = prepare {
            prepare(&runtime, &services, http_at, dimse_at)?;
        }
        runtime.block_on(async {
            // Whoever reads the ready line may signal at once.
            let mut terminate = signal(SignalKind::terminate())?;
            let mut interrupt = signal(SignalKind::interrupt())?;
            announce(&services, http_at, dimse_at).await?;
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            tracing::info!("draining");
            let _ = stop.send(true);
            http.await?;
            if let Some(dimse) = dimse {
                dimse.await?;
            }
            Ok(())
        })
    });
    drop(services);
    runtime.shutdown_timeout(std::time::Duration::from_secs(5));
    engine.close();
    outcome.map(|()| ExitCode::SUCCESS)
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
        eprintln!("Nobody has set this network up. Within 30 minutes, once:");
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

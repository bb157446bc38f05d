//! Python for code of users: the host's interpreter and packages of ours, in a sandbox without storage.
//!
//! What must hold: such a sandbox holds no credential of this node and none of its storage; what it runs
//! from is mounted read-only and was checked against hashes; a host without Python says so and does
//! everything else.

mod image;
mod spark;
mod tools;

use crate::NodeConfig;
use crate::isolation::Launch;
use biplane_proto::v1::SparkProgram;
use biplane_sandbox::{
    Access, Isolator, LevelKind, Limits, Mount, Network, ProcView, Program, SandboxSpec, libraries,
};
use image::{Image, Images};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

/// Asked in this order.
const INTERPRETERS: &[&str] = &["/usr/bin/python3", "/usr/local/bin/python3", "python3"];
const PACKAGES: &str = "/opt/biplane/packages";
const CODE: &str = "/opt/biplane/code";
const SAIL: &str = "/opt/biplane/sail";
const SPARK: &str = "/opt/biplane/spark";
const CLUSTER: &str = "/opt/biplane/cluster";
/// Where init scripts of others look for Python.
const USUAL_BIN: &str = "/databricks/python/bin";
/// Whom the operator trusts; the first that is there.
const AUTHORITIES: &[&str] =
    &["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];
const AUTHORITIES_INSIDE: &str = "/etc/ssl/certs/ca-certificates.crt";
/// Where the forwarder inside takes requests for the egress door.
const PROXY: &str = "http://127.0.0.1:3128";
/// Interpreters, and what their users start.
const PROCESSES: u32 = 512;
/// Java has a thread for everything that waits.
const PROCESSES_OF_SPARK: u32 = 8192;
const TMP_BYTES: u64 = 1 << 30;
const SHM_BYTES: u64 = 256 << 20;

/// Where Python comes from.
#[derive(Debug, Clone, Default)]
pub struct PythonConfig {
    /// None: the first of the usual ones that fits.
    pub interpreter: Option<PathBuf>,
    /// Where images are kept; nodes of one host may share it. None: `images` in the working directory.
    pub images_dir: Option<PathBuf>,
}

/// Why there is no Python now.
#[derive(Debug, thiserror::Error)]
pub enum PythonError {
    #[error("this node has no Python: {0}")]
    Absent(String),
    /// In words for a user who waits.
    #[error("the Python runtime is being prepared, for {0} seconds now")]
    Building(u64),
    #[error("the Python runtime could not be prepared: {0}")]
    Failed(String),
    #[error("Apache Spark cannot run on this node: {0}")]
    NoSpark(String),
    #[error("the Python runtime cannot be used")]
    Io(#[from] io::Error),
}

/// An interpreter of the host, as it describes itself.
#[derive(Debug, Clone, Deserialize)]
struct Interpreter {
    version: String,
    tag: String,
    supported: bool,
    executable: PathBuf,
    stdlib: Vec<PathBuf>,
}

#[derive(Debug)]
pub struct Python {
    found: Result<Found, String>,
}

#[derive(Debug)]
struct Found {
    interpreter: Interpreter,
    images: Arc<Images>,
    /// Of the runtime.
    sail: Arc<Images>,
    spark: Arc<Images>,
}

impl Python {
    /// Asks the interpreters of this host. Blocks for as long as one takes to start.
    pub fn find(config: &NodeConfig) -> Self {
        let found = find(config.python.interpreter.as_deref()).map(|interpreter| {
            let dir = config.python.images_dir.clone();
            let dir = dir.unwrap_or_else(|| config.data_dir.join("images"));
            let way_out = config.route.way_out();
            let images = |recipe| {
                Arc::new(Images::new(dir.clone(), recipe, &interpreter).built_by(way_out.cloned()))
            };
            Found {
                images: images(&image::PYTHON),
                sail: images(&image::SAIL),
                spark: images(&image::SPARK),
                interpreter,
            }
        });
        match &found {
            Ok(found) => {
                let Interpreter { version, executable, .. } = &found.interpreter;
                tracing::info!(version, executable = %executable.display(), "python for code of users");
            }
            Err(reason) => tracing::info!(reason, "no python for code of users"),
        }
        Self { found }
    }

    /// Empty: there is none.
    pub fn version(&self) -> String {
        self.found.as_ref().map(|found| found.interpreter.version.clone()).unwrap_or_default()
    }

    /// What a sandbox is made of. The first who asks begins to build it.
    pub fn ready(&self) -> Result<Runtime, PythonError> {
        let found = self.found.as_ref().map_err(|reason| PythonError::Absent(reason.clone()))?;
        let image = found.images.get()?;
        Ok(Runtime {
            interpreter: found.interpreter.clone(),
            image,
            serves: Serves::Code,
            share: None,
        })
    }

    /// The same for a Spark Connect runtime.
    pub fn runtime_ready(&self) -> Result<Runtime, PythonError> {
        let found = self.found.as_ref().map_err(|reason| PythonError::Absent(reason.clone()))?;
        let (image, sail) = (found.images.get(), found.sail.get());
        let interpreter = found.interpreter.clone();
        Ok(Runtime { interpreter, image: image?, serves: Serves::Sail(sail?), share: None })
    }

    /// The same for Apache Spark, on a node whose sandboxes have networks of their own: its ports are fixed.
    pub fn spark_ready(
        &self,
        isolator: &dyn Isolator,
        program: SparkProgram,
    ) -> Result<Runtime, PythonError> {
        if isolator.level().kind == LevelKind::None {
            return Err(PythonError::NoSpark("the isolation of this node is off".into()));
        }
        let found = self.found.as_ref().map_err(|reason| PythonError::Absent(reason.clone()))?;
        let (image, spark) = (found.images.get(), found.spark.get());
        let interpreter = found.interpreter.clone();
        Ok(Runtime {
            interpreter,
            image: image?,
            serves: Serves::Spark(spark?, program),
            share: None,
        })
    }
}

/// Builds the image of this name, if it is not there, for an agent that cannot.
pub fn build(config: &PythonConfig, name: &str) -> io::Result<()> {
    let recipes = [&image::PYTHON, &image::SAIL, &image::SPARK];
    let recipe = recipes.into_iter().find(|recipe| recipe.name == name);
    let (Some(recipe), Some(dir)) = (recipe, config.images_dir.clone()) else {
        return Err(io::ErrorKind::NotFound.into());
    };
    let interpreter = find(config.interpreter.as_deref()).map_err(io::Error::other)?;
    Images::new(dir, recipe, &interpreter).build()
}

fn find(configured: Option<&Path>) -> Result<Interpreter, String> {
    let usual = INTERPRETERS.iter().map(Path::new).collect();
    let mut reason = "no python3 was found".to_owned();
    for program in configured.map_or(usual, |program| vec![program]) {
        match describe(program) {
            Ok(found) if found.supported => return Ok(found),
            Ok(found) => {
                reason = format!(
                    "{} is {}; CPython 3.11 to 3.14 is needed",
                    program.display(),
                    found.version
                );
            }
            Err(error) => tracing::debug!(program = %program.display(), %error, "not this python"),
        }
    }
    Err(reason)
}

fn describe(program: &Path) -> io::Result<Interpreter> {
    let asked = Command::new(program)
        .args(["-I", "-c", image::BUILD, "describe"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()?;
    serde_json::from_slice(&asked.stdout).map_err(io::Error::from)
}

/// All that a sandbox of code of users is made of.
#[derive(Debug)]
pub struct Runtime {
    interpreter: Interpreter,
    image: Arc<Image>,
    serves: Serves,
    /// What it has of its cluster.
    pub share: Option<Share>,
}

/// What is in front of the packages that code of users finds, and what for.
#[derive(Debug)]
enum Serves {
    /// Interpreters, without more.
    Code,
    /// Spark Connect, by Sail.
    Sail(Arc<Image>),
    /// Spark Connect, or its executors, by Apache Spark.
    Spark(Arc<Image>, SparkProgram),
}

/// The directory of a cluster on this host.
#[derive(Debug, Clone)]
pub struct Share {
    pub dir: PathBuf,
    /// This sandbox fills it.
    pub prepares: bool,
}

impl Serves {
    fn image(&self) -> Option<&Arc<Image>> {
        match self {
            Self::Code => None,
            Self::Sail(image) | Self::Spark(image, _) => Some(image),
        }
    }
}

impl Runtime {
    /// Tables that the catalog opens are for it. Apache Spark has no way to read them.
    pub fn reads_tables(&self) -> bool {
        matches!(self.serves, Serves::Sail(_))
    }

    /// Without any mount of storage: code of users reaches data through engines and doors alone.
    pub fn spec(&self, launch: &Launch<'_>, isolator: &dyn Isolator) -> io::Result<SandboxSpec> {
        let sees_host = isolator.level().kind == LevelKind::None;
        let executable = self.interpreter.executable.clone();
        let code = if sees_host { self.image.code.clone() } else { CODE.into() };
        Ok(SandboxSpec {
            name: launch.name.to_owned(),
            tenant: launch.tenant(),
            dir: launch.dir.to_owned(),
            program: Program {
                path: executable.clone(),
                args: vec!["-B".into(), text(&code.join(self.first_program()))],
                env: self.environment(launch, isolator, &code, sees_host),
                inside: Some(executable),
            },
            mounts: self.mounts()?,
            network: Network::None,
            proc: ProcView::Masked,
            limits: Limits {
                cpu_millis: launch.cpu_millis,
                memory_bytes: launch.memory_bytes,
                processes: match self.serves {
                    Serves::Spark(..) => PROCESSES_OF_SPARK,
                    Serves::Code | Serves::Sail(_) => PROCESSES,
                },
                disk_bytes: launch.disk_bytes,
                tmp_bytes: TMP_BYTES.min(launch.memory_bytes / 2),
                shm_bytes: SHM_BYTES.min(launch.memory_bytes / 4),
                ..Limits::default()
            },
            forwarder: true,
            // Packages that users install have libraries; they run what they like anyway.
            exec_written: true,
            without: Vec::new(),
        })
    }

    fn first_program(&self) -> &'static str {
        match (self.prepares(), &self.serves) {
            (true, _) => "prepare.py",
            (false, Serves::Code) => "runner.py",
            (false, Serves::Sail(_)) => "runtime.py",
            (false, Serves::Spark(..)) => "spark.py",
        }
    }

    fn prepares(&self) -> bool {
        self.share.as_ref().is_some_and(|share| share.prepares)
    }

    fn mounts(&self) -> io::Result<Vec<Mount>> {
        let Interpreter { executable, stdlib, .. } = &self.interpreter;
        let mut mounts = libraries(executable)?;
        let same = |path: &PathBuf| Mount::new(path, path, Access::Program);
        mounts.push(same(executable)?);
        let of_runtime = self.serves.image().into_iter().flat_map(|image| &image.libraries);
        for path in stdlib.iter().chain(&self.image.libraries).chain(of_runtime) {
            mounts.push(same(path)?);
        }
        if let Some(image) = self.serves.image() {
            let target = if self.reads_tables() { SAIL } else { SPARK };
            mounts.push(Mount::new(&image.packages, Path::new(target), Access::Program)?);
            let timezone = self.image.code.join(image::TIMEZONE);
            mounts.push(Mount::new(&timezone, Path::new("/etc/timezone"), Access::Read)?);
        }
        mounts.push(Mount::new(&self.image.packages, Path::new(PACKAGES), Access::Program)?);
        let code = if self.prepares() { Access::Program } else { Access::Read };
        mounts.push(Mount::new(&self.image.code, Path::new(CODE), code)?);
        if let Some(share) = &self.share {
            let access = if share.prepares { Access::Write } else { Access::Program };
            mounts.push(Mount::new(&share.dir, Path::new(CLUSTER), access)?);
        }
        if self.prepares() {
            mounts.push(Mount::new(
                &self.image.code.join("bin"),
                Path::new(USUAL_BIN),
                Access::Program,
            )?);
            mounts.extend(tools::mounts().iter().cloned());
        }
        if let Some(authorities) = authorities() {
            mounts.push(Mount::new(authorities, Path::new(AUTHORITIES_INSIDE), Access::Read)?);
        }
        let mut once: BTreeMap<PathBuf, Mount> = BTreeMap::new();
        for mount in mounts {
            // Nothing in something: the launcher would refuse it.
            if !once.keys().any(|other| mount.target.starts_with(other)) {
                once.retain(|other, _| !other.starts_with(&mount.target));
                once.insert(mount.target.clone(), mount);
            }
        }
        Ok(once.into_values().collect())
    }

    fn cluster_dir(&self, sees_host: bool) -> Option<PathBuf> {
        let share = self.share.as_ref()?;
        Some(if sees_host { share.dir.clone() } else { CLUSTER.into() })
    }

    fn search_path(&self, own: &Path, packages: &Path, code: &Path, sees_host: bool) -> String {
        let cluster = self.cluster_dir(sees_host).map(|dir| dir.join("packages"));
        let sail = match &self.serves {
            Serves::Sail(sail) if sees_host => Some(sail.packages.clone()),
            Serves::Sail(_) => Some(SAIL.into()),
            // Its client is the same as that of the packages.
            Serves::Code | Serves::Spark(..) => None,
        };
        let paths = [Some(own), cluster.as_deref(), Some(packages), sail.as_deref(), Some(code)];
        paths.into_iter().flatten().map(text).collect::<Vec<_>>().join(":")
    }

    fn programs_path(&self, cluster: Option<&Path>, code: &Path) -> String {
        let own = cluster.map(|dir| [dir.join("bin"), dir.join("packages/bin")]);
        let pip = self.prepares().then(|| code.join("bin"));
        let paths = own.into_iter().flatten().chain(pip).map(|path| text(&path));
        let usual = ["/usr/local/bin", "/usr/bin", "/bin"].map(str::to_owned);
        paths.chain(usual).collect::<Vec<_>>().join(":")
    }

    fn environment(
        &self,
        launch: &Launch<'_>,
        isolator: &dyn Isolator,
        code: &Path,
        sees_host: bool,
    ) -> Vec<(String, String)> {
        let paths = isolator.paths(launch.dir);
        let packages = if sees_host { self.image.packages.clone() } else { PACKAGES.into() };
        let cluster = self.cluster_dir(sees_host);
        let own = match &cluster {
            Some(dir) if self.prepares() => dir.join("packages"),
            _ => paths.work.join("packages"),
        };
        let threads = launch.cpu_millis.div_ceil(1000).max(1).to_string();
        let mut env = vec![
            ("HOME", text(&paths.work)),
            ("TMPDIR", text(&paths.tmp)),
            ("LANG", "C.UTF-8".into()),
            ("TZ", "UTC".into()),
            ("PATH", self.programs_path(cluster.as_deref(), code)),
            ("PYTHONPATH", self.search_path(&own, &packages, code, sees_host)),
            ("PYTHONNOUSERSITE", "1".into()),
            // Its client looks for it, and ends the program when there is none.
            ("SPARK_HOME", text(&packages.join("pyspark"))),
            ("PYTHONDONTWRITEBYTECODE", "1".into()),
            ("MPLBACKEND", "agg".into()),
            ("MPLCONFIGDIR", text(&paths.work.join(".matplotlib"))),
            ("BIPLANE_FONTS", text(&packages.join("matplotlib-cache"))),
            ("BIPLANE_DOOR", text(&paths.doors.join(launch.door))),
            ("BIPLANE_WORK", text(&paths.work)),
            ("PIP_TARGET", text(&own)),
            ("PIP_NO_CACHE_DIR", "1".into()),
            ("PIP_NO_INPUT", "1".into()),
            ("PIP_DISABLE_PIP_VERSION_CHECK", "1".into()),
        ];
        if let Some(dir) = &cluster {
            env.push(("BIPLANE_CLUSTER_DIR", text(dir)));
        }
        if self.prepares() {
            env.push(("BIPLANE_PYTHON", text(&self.interpreter.executable)));
        }
        match &self.serves {
            Serves::Code => {}
            Serves::Sail(_) => env.extend(sail_environment(launch, &paths.work)),
            Serves::Spark(_, program) => {
                env.extend(spark::environment(program, launch, &self.interpreter.executable));
            }
        }
        for name in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"] {
            env.push((name, threads.clone()));
        }
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"] {
            env.push((name, PROXY.into()));
        }
        for name in ["NO_PROXY", "no_proxy"] {
            env.push((name, "localhost,127.0.0.1,::1,.cluster.internal".into()));
        }
        if authorities().is_some() {
            for name in ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT"] {
                env.push((name, AUTHORITIES_INSIDE.into()));
            }
        }
        env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// A part of the memory is for what DataFusion does not count: Python, encoded results.
fn sail_environment(launch: &Launch<'_>, work: &Path) -> [(&'static str, String); 7] {
    let threads = launch.cpu_millis.div_ceil(1000).max(1).to_string();
    [
        ("SAIL_MODE", "local".into()),
        ("SAIL_EXECUTION__DEFAULT_PARALLELISM", threads),
        ("SAIL_RUNTIME__MEMORY_POOL__TYPE", "greedy".into()),
        ("SAIL_RUNTIME__MEMORY_POOL__GREEDY__MAX_SIZE", (launch.memory_bytes / 2).to_string()),
        ("SAIL_RUNTIME__TEMPORARY_FILES__PATHS", format!("[{:?}]", text(&work.join("spill")))),
        ("SAIL_SPARK__SESSION_TIMEOUT_SECS", "1800".into()),
        ("RUST_LOG", "warn".into()),
    ]
}

fn authorities() -> Option<&'static Path> {
    AUTHORITIES.iter().map(Path::new).find(|path| path.is_file())
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

//! The components of a node: checked, translated and kept ready.

use super::{
    cache::Cache,
    check::check,
    compile::translate,
    error::LoadError,
    limits::Limits,
    machine::{Machine, kind},
    program::Program,
};
use std::{
    ffi::OsString,
    fmt,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{sync::Mutex, task::spawn_blocking, time::timeout};

/// How a node runs components.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where translated code is kept. Of this node alone, and of no backup.
    pub folder: PathBuf,
    /// Program and first arguments that lead to [`super::child_main`].
    pub compiler: Vec<OsString>,
    /// What a component may cost.
    pub limits: Limits,
}

/// How far an installation is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Progress {
    /// It is being translated, which may take a minute.
    Begun,
    /// It is translated.
    Done {
        /// How long that took.
        seconds: f64,
    },
}

/// All components of a node. Copies share everything.
#[derive(Clone)]
pub struct Components(Arc<Inner>);

struct Inner {
    machine: Arc<Machine>,
    limits: Arc<Limits>,
    cache: Cache,
    compiler: Vec<OsString>,
    /// Hash of what code depends on beside the component.
    kind: [u8; 32],
    /// One is translated at a time,
    soon: Mutex<()>,
    /// and of those that take long another one, so that nobody else waits for them.
    slow: Mutex<()>,
}

impl fmt::Debug for Components {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Components")
    }
}

/// BLAKE3 of a component, by which it is kept.
pub fn hash_of(wasm: &[u8]) -> [u8; 32] {
    hedgerow_base::hash::hash("hedgerow 2026 component v1", &[wasm])
}

impl Components {
    /// # Errors
    /// When this machine cannot run components, or the folder cannot be used.
    pub fn open(settings: Settings) -> Result<Self, LoadError> {
        let machine = Machine::new().map_err(LoadError::Local)?;
        Ok(Self(Arc::new(Inner {
            kind: kind(machine.engine()),
            machine: Arc::new(machine),
            cache: Cache::open(settings.folder, settings.limits.cache)?,
            limits: Arc::new(settings.limits),
            compiler: settings.compiler,
            soon: Mutex::new(()),
            slow: Mutex::new(()),
        })))
    }

    /// A component that was installed before, by [`hash_of`]. `None` when its code is not here, is damaged, or was made
    /// by another version: then [`Components::install`] makes it anew.
    ///
    /// # Errors
    /// What of it cannot be used here.
    pub async fn ready(&self, hash: [u8; 32]) -> Result<Option<Program>, LoadError> {
        let all = self.clone();
        let loaded = spawn_blocking(move || {
            let Inner {
                machine, cache, limits, ..
            } = &*all.0;
            let component = cache.find(machine.engine(), &all.name(hash));
            let program = component.map(|it| Program::new(Arc::clone(machine), Arc::clone(limits), &it, hash));
            program.transpose()
        });
        loaded.await.map_err(|e| LoadError::Local(e.to_string()))?
    }

    /// Checks a component and translates it, unless that was done before. Whoever drops this ends the translation.
    ///
    /// # Errors
    /// What of it cannot be used, in a sentence for its author.
    pub async fn install(&self, wasm: &[u8], mut progress: impl FnMut(Progress)) -> Result<Program, LoadError> {
        let Inner { limits, soon, slow, .. } = &*self.0;
        check(wasm, limits.component)?;
        let hash = hash_of(wasm);
        if let Some(program) = self.ready(hash).await? {
            return Ok(program);
        }
        // What takes long begins again behind others that do.
        for (lane, patience) in [
            (soon, limits.compile_soon.min(limits.compile_wait)),
            (slow, limits.compile_wait),
        ] {
            let _one = lane.lock().await;
            // Somebody else may have waited for the same one.
            if let Some(program) = self.ready(hash).await? {
                return Ok(program);
            }
            progress(Progress::Begun);
            let begun = Instant::now();
            if self.translated(wasm, &self.name(hash), patience).await? {
                let seconds = begun.elapsed().as_secs_f64();
                progress(Progress::Done { seconds });
                let program = self.ready(hash).await?;
                return program.ok_or_else(|| LoadError::Local("the code that was just written is not there".into()));
            }
        }
        let wait = limits.compile_wait.as_secs();
        Err(LoadError::Compiler(format!("it was not done after {wait} s")))
    }

    /// Translates into the cache; false when that is not done after `patience`.
    async fn translated(&self, wasm: &[u8], name: &str, patience: Duration) -> Result<bool, LoadError> {
        let part = self.0.cache.part(name)?;
        match timeout(patience, translate(&self.0.compiler, &self.0.limits, wasm, &part.file)).await {
            Ok(done) => done?,
            Err(_) => return Ok(false),
        }
        let (all, name) = (self.clone(), name.to_owned());
        let finished = spawn_blocking(move || all.0.cache.finish(part, &name));
        finished.await.map_err(|e| LoadError::Local(e.to_string()))??;
        Ok(true)
    }

    /// How code of a component is named.
    fn name(&self, hash: [u8; 32]) -> String {
        let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
        format!("{}-{}", hex(&hash), hex(&self.0.kind[..8]))
    }
}

//! Servers that are built from their Go modules: a folder of `fixtures/servers/` per version, and
//! one binary in the cache per content of that folder, build flags and Go version.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};

use super::{
    cache::Cache, claim::Claim, go::Go, missing::Missing, product::Product, progress::Progress, version::Version,
};

/// The files of a server's folder that decide what is built.
const SOURCES: [&str; 3] = ["main.go", "go.mod", "go.sum"];

/// A version of a server that this project knows how to build.
#[derive(Debug, Clone)]
pub struct Server {
    product: Product,
    version: String,
    folder: PathBuf,
    go: Go,
}

impl Server {
    /// All versions of `product` in the folder `fixtures`, in the order of their names.
    ///
    /// # Errors
    ///
    /// If `fixtures/servers` cannot be read.
    pub fn all(fixtures: &Path, product: Product) -> Result<Vec<Self>> {
        let servers = fixtures.join("servers");
        let cannot = || format!("cannot read `{}`", servers.display());
        let prefix = format!("{}-", product.program());
        let mut all = Vec::new();
        for entry in fs::read_dir(&servers).with_context(cannot)? {
            let entry = entry.with_context(cannot)?;
            if let Some(version) = entry.file_name().to_string_lossy().strip_prefix(&prefix) {
                all.push(Self { product, version: version.to_owned(), folder: entry.path(), go: Go::default() });
            }
        }
        all.sort_by(|one, other| one.version.cmp(&other.version));
        Ok(all)
    }

    /// The version, such as `v1.3.1`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The binary that was built, without building it.
    ///
    /// Without Go on the machine a build of the same content is taken if there is exactly one.
    ///
    /// # Errors
    ///
    /// [`Missing`] if it has not been built.
    pub async fn installed(&self, cache: &Cache) -> Result<PathBuf> {
        let content = self.content()?;
        let name = match self.go.toolchain(&self.folder).await {
            Ok(toolchain) => entry_name(&content, &toolchain.version),
            Err(_) => match cache.entries(&format!("{content}-"))?.as_slice() {
                [name] => name.clone(),
                _ => content,
            },
        };
        match cache.entry(&name) {
            Some(entry) => Ok(entry.join(self.product.program())),
            None => bail!(Missing::new(format!("{self} has not been built"), self.product.cure(&self.version),)),
        }
    }

    /// Whether it has been built, by whatever Go.
    ///
    /// # Errors
    ///
    /// When its files or the cache cannot be read.
    pub fn may_be_installed(&self, cache: &Cache) -> Result<bool> {
        let content = self.content()?;
        Ok(cache.entry(&content).is_some() || !cache.entries(&format!("{content}-"))?.is_empty())
    }

    /// Builds the binary unless it has been built; takes minutes when Go's own cache is cold.
    ///
    /// # Errors
    ///
    /// [`Missing`] if Go, a C compiler, disk space or the network is lacking; else the tail of
    /// what Go said. Nothing is kept of a build that failed or was dropped.
    pub async fn build(&self, cache: &Cache, progress: &mut Progress) -> Result<PathBuf> {
        if let Ok(installed) = self.installed(cache).await {
            return Ok(installed);
        }
        let toolchain = self.go.toolchain(&self.folder).await?;
        let name = entry_name(&self.content()?, &toolchain.version);
        let unfinished = match cache.claim(&name, progress).await? {
            Claim::Ready(entry) => return Ok(entry.join(self.product.program())),
            Claim::Unfinished(unfinished) => unfinished,
        };
        let binary = unfinished.folder().join(self.product.program());
        progress.begin(format!("building {self} with {}", toolchain.version));
        self.go
            .build(&self.folder, &self.flags(), &binary, cache, progress)
            .await
            .with_context(|| format!("cannot build {self}"))?;
        let says = Version::ask(self.product, &binary).await?;
        if says.to_string() != self.version {
            bail!("the build of {self} says that it is {says}");
        }
        let entry = unfinished.finish()?;
        progress.finish(format_args!("built {self}"));
        Ok(entry.join(self.product.program()))
    }

    /// The flags of `go build`: a static binary, which runs in an empty container too.
    fn flags(&self) -> Vec<String> {
        let linker = format!(
            "-s -w -linkmode external -extldflags '-static' -X {}={}",
            self.product.version_variable(),
            self.version
        );
        let tags = "sqlite sqlite_omit_load_extension netgo osusergo";
        ["-tags", tags, "-trimpath", "-ldflags", &linker].map(str::to_owned).to_vec()
    }

    /// The beginning of the entry's name: the version, and a hash of all that decides what is built but Go itself.
    fn content(&self) -> Result<String> {
        let mut hash = Sha256::new();
        let mut add = |bytes: &[u8]| {
            // With its length before each part, no two lists of parts have the same hash.
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        };
        for name in SOURCES {
            let path = self.folder.join(name);
            add(name.as_bytes());
            add(&fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))?);
        }
        for flag in self.flags() {
            add(flag.as_bytes());
        }
        // The cache may be on a disk that machines of several kinds share.
        add(std::env::consts::OS.as_bytes());
        add(std::env::consts::ARCH.as_bytes());
        let hash = format!("{:x}", hash.finalize());
        Ok(format!("{}-{}-{}", self.product.program(), self.version, &hash[..16]))
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.product, self.version)
    }
}

/// The name of the entry of a build; what Go calls itself may hold spaces.
fn entry_name(content: &str, go: &str) -> String {
    let go = go.replace(|c: char| !c.is_ascii_alphanumeric() && c != '.', "_");
    format!("{content}-{go}")
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path, time::Duration};

    use anyhow::{Result, bail};
    use rstest::rstest;

    use super::Server;
    use crate::backend::{cache::Cache, fake_program, go::Go, missing::Missing, product::Product, progress::Progress};
    use crate::wait::wait_until;

    /// What the fake `go build` writes: a script that answers as Kratos v1.3.1 does.
    const KRATOS: &str =
        r#"printf '%s\n' '#!/bin/sh' 'echo "kratos version"; echo "Version: v1.3.1"' > "$out"; chmod +x "$out""#;

    struct World {
        folder: tempfile::TempDir,
        cache: Cache,
        server: Server,
    }

    impl World {
        /// A server whose `go` notes each build in the file `builds`, then runs `build` with the output's path in `$out`.
        fn new(build: &str) -> Result<Self> {
            let folder = tempfile::tempdir()?;
            let source = folder.path().join("servers/kratos-v1.3.1");
            fs::create_dir_all(&source)?;
            for name in super::SOURCES {
                fs::write(source.join(name), name)?;
            }
            let go = folder.path().join("go");
            let script = format!(
                r#"if [ "$1" = env ]; then echo go1.99; echo sh; exit; fi
                echo x >> '{}/builds'
                while [ $# -gt 0 ]; do [ "$1" = -o ] && out=$2; shift; done
                {build}"#,
                folder.path().display()
            );
            fake_program::write(&go, &script)?;
            let Some(mut server) = Server::all(folder.path(), Product::Kratos)?.pop() else {
                bail!("the server was not found");
            };
            server.go = Go::at(go);
            Ok(Self { cache: Cache::at(folder.path().join("cache"))?, folder, server })
        }

        async fn build(&self) -> Result<std::path::PathBuf> {
            self.server.build(&self.cache, &mut Progress::silent()).await
        }

        fn builds(&self) -> usize {
            fs::read_to_string(self.folder.path().join("builds")).map_or(0, |text| text.lines().count())
        }

        fn entries(&self) -> Result<usize> {
            let entries = fs::read_dir(self.cache.root())?.collect::<Result<Vec<_>, _>>()?;
            let is_lock = |path: &Path| path.extension().is_some_and(|end| end == "lock");
            Ok(entries.iter().filter(|entry| !is_lock(&entry.path())).count())
        }
    }

    #[tokio::test]
    async fn two_builds_at_once_build_once() -> Result<()> {
        let world = World::new(KRATOS)?;

        let (one, other) = tokio::join!(world.build(), world.build());

        assert_eq!(one?, other?);
        assert_eq!((world.builds(), world.entries()?), (1, 1));
        Ok(())
    }

    #[tokio::test]
    async fn a_build_that_is_interrupted_leaves_nothing() -> Result<()> {
        let world = World::new("sleep 600")?;

        let interrupted = tokio::select! {
            _ = world.build() => false,
            begun = wait_until("a build", Duration::from_secs(20), Duration::from_millis(5), || {
                std::future::ready(if world.builds() == 0 { Err("none".to_owned()) } else { Ok(()) })
            }) => begun.map(|()| true)?,
        };

        assert!(interrupted);
        assert_eq!(world.entries()?, 0);
        Ok(())
    }

    #[rstest]
    #[case::the_compiler_complains("echo 'main.go:1: broken' >&2; exit 1", "main.go:1: broken", false)]
    #[case::no_space("echo 'write x: no space left on device' >&2; exit 1", "free 3 GB", true)]
    #[case::no_network("echo 'go: x: dial tcp: refused' >&2; exit 1", "goproxy", true)]
    #[case::another_version(
        r#"printf '%s\n' '#!/bin/sh' 'echo "kratos version"; echo "Version: v9.9.9"' > "$out"; chmod +x "$out""#,
        "says that it is v9.9.9",
        false
    )]
    #[tokio::test]
    async fn a_build_that_fails_says_why_and_keeps_nothing(
        #[case] build: &str,
        #[case] text: &str,
        #[case] missing: bool,
    ) -> Result<()> {
        let world = World::new(build)?;

        let Err(error) = world.build().await else {
            bail!("the build succeeded");
        };

        assert!(format!("{error:#}").contains(text), "{error:#}");
        assert_eq!(error.downcast_ref::<Missing>().is_some(), missing);
        assert_eq!(world.entries()?, 0);
        Ok(())
    }

    #[tokio::test]
    async fn without_go_the_one_build_of_the_same_content_is_taken() -> Result<()> {
        let mut world = World::new(KRATOS)?;
        world.server.go = Go::at("/nowhere/go");
        let Err(error) = world.build().await else {
            bail!("the build succeeded");
        };
        assert!(error.downcast_ref::<Missing>().is_some(), "{error:#}");
        world.server.go = Go::at(world.folder.path().join("go"));
        let built = world.build().await?;

        world.server.go = Go::at("/nowhere/go");

        assert_eq!(world.server.installed(&world.cache).await?, built);
        fs::write(world.server.folder.join("main.go"), "changed")?;
        assert!(world.server.installed(&world.cache).await.is_err());
        Ok(())
    }
}

//! The display of a browser that has no headless mode.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::process;

/// Where displays have their sockets.
const SOCKETS: &str = "/tmp/.X11-unix";

/// The socket of the display that a browser is on whose files are below a folder.
pub(crate) fn of_browser(folder: &Path) -> Option<PathBuf> {
    let seen = process::naming(folder);
    let browser = process::program(&seen, "MiniBrowser")?;
    let environment = fs::read(format!("/proc/{}/environ", browser.id)).ok()?;
    let environment = String::from_utf8_lossy(&environment).into_owned();
    environment.split('\0').find_map(|it| it.strip_prefix("DISPLAY=:")).map(socket)
}

/// The socket of the display with this number.
pub(crate) fn socket(number: &str) -> PathBuf {
    Path::new(SOCKETS).join(format!("X{number}"))
}

/// Kills the server whose log is in this folder.
pub(crate) fn kill_server(folder: &Path) -> Result<()> {
    let seen = process::naming(folder);
    let server = process::program(&seen, "Xvfb").context("no server")?;
    kill(Pid::from_raw(server.id), Signal::SIGKILL).context("failed to kill it")
}

/// A display's socket goes with it. One on which somebody listens is of another display, which took the number since.
pub(crate) fn ensure_none_is_left(socket: Option<&Path>) -> Result<()> {
    let Some(socket) = socket else { return Ok(()) };
    let left = socket.exists() && UnixStream::connect(socket).is_err();
    ensure!(!left, "left behind: {}", socket.display());
    Ok(())
}

/// Whether a display's server lets in a program with this key, by the first byte of its answer (X Window System Protocol,
/// section 8, "Connection Setup").
pub(crate) fn lets_in(number: u32, key: &[u8]) -> Result<bool> {
    const PROTOCOL: &[u8] = b"MIT-MAGIC-COOKIE-1\0\0";
    let mut stream = UnixStream::connect(socket(&number.to_string()))?;
    // The lower byte first; version 11.0.
    let mut hello = vec![b'l', 0, 11, 0, 0, 0];
    if key.is_empty() {
        hello.extend([0; 6]);
    } else {
        hello.extend([18, 0, u8::try_from(key.len())?, 0, 0, 0]);
        hello.extend(PROTOCOL);
        hello.extend(key);
    }
    stream.write_all(&hello)?;
    let mut answer = [0];
    stream.read_exact(&mut answer)?;
    Ok(answer == [1])
}

//! A real OpenSSH server on loopback, with a directory of its own.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lazuli_host::Target;
use lazuli_host::keys::{Identity, KeyPair};
use tempfile::TempDir;

use crate::common::{PATIENCE, identity, pair, target};

const PROGRAM: &str = "/usr/sbin/sshd";

/// A server, and the machine's root below which the runner works.
pub(crate) struct Sshd {
    folder: TempDir,
    child: Option<Child>,
    address: SocketAddr,
    host_key: KeyPair,
    user_key: KeyPair,
}

impl Sshd {
    /// None, with a word about it, when there is no server or no right.
    pub(crate) fn start() -> Option<Self> {
        if !Path::new(PROGRAM).is_file() || !nix::unistd::geteuid().is_root() {
            eprintln!("SKIPPED: needs root and openssh-server");
            return None;
        }
        // Short: paths of sockets have at most 107 bytes.
        let folder = tempfile::Builder::new()
            .prefix("lzh-")
            .tempdir_in("/tmp")
            .unwrap();
        // The server goes to its own empty directory, which the package's
        // start script makes.
        fs::create_dir_all("/run/sshd").unwrap();
        let mut server = Self {
            folder,
            child: None,
            address: free_address(),
            host_key: pair("host"),
            user_key: pair("user"),
        };
        server.configure();
        while !server.try_run() {
            // Somebody else took the port meanwhile.
            assert!(server.log().contains("in use"), "{}", server.log());
            server.address = free_address();
            server.configure();
        }
        Some(server)
    }

    fn configure(&self) {
        let path = |name: &str| self.folder.path().join(name);
        write_private(&path("host"), self.host_key.private.expose());
        write_private(&path("authorized"), &format!("{}\n", self.user_key.public));
        let config = format!(
            "ListenAddress {}\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\n\
             UsePAM no\nStrictModes no\nPermitRootLogin prohibit-password\n\
             PasswordAuthentication no\nPrintMotd no\n",
            self.address,
            path("host").display(),
            path("authorized").display(),
        );
        fs::write(path("config"), config).unwrap();
    }

    /// Starts the server again after [`Self::stop`].
    pub(crate) fn run(&mut self) {
        assert!(self.try_run(), "{}", self.log());
    }

    fn try_run(&mut self) -> bool {
        let log = fs::File::create(self.folder.path().join("log")).unwrap();
        let child = Command::new(PROGRAM)
            .args(["-D", "-e", "-f"])
            .arg(self.folder.path().join("config"))
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let child = self.child.insert(child);
        let deadline = Instant::now() + PATIENCE;
        while !fs::read_to_string(self.folder.path().join("log"))
            .unwrap()
            .contains("Server listening")
        {
            if child.try_wait().unwrap().is_some() {
                return false;
            }
            assert!(Instant::now() < deadline, "sshd does not start");
            std::thread::sleep(Duration::from_millis(5));
        }
        true
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// Stops listening and kills all sessions, so that their connections
    /// break.
    pub(crate) fn stop(&mut self) {
        self.cut();
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Kills the sessions there are; new ones can be made.
    pub(crate) fn cut(&self) {
        for session in self.sessions() {
            kill(session);
        }
    }

    /// Processes of the server that serve a connection.
    pub(crate) fn sessions(&self) -> Vec<i32> {
        let server = self.child.as_ref().map_or(0, Child::id);
        let all = processes().into_iter();
        all.filter(|(_, parent)| *parent == server)
            .map(|(pid, _)| pid)
            .collect()
    }

    pub(crate) fn target(&self) -> Target {
        target(self.address, "root", &self.host_key)
    }

    pub(crate) fn identity(&self) -> Identity {
        identity(&self.user_key)
    }

    /// The machine's root.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("m")
    }

    /// The supervisor's process, if there was one.
    pub(crate) fn supervisor(&self) -> Option<i32> {
        let lock = self.root().join("run/lazuli/supervisor.lock");
        fs::read_to_string(lock).ok()?.trim().parse().ok()
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.stop();
        // Supervisor and hooks: whatever was started below the root.
        let root = self.root().to_str().unwrap().to_owned();
        for (pid, _) in processes() {
            let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            if String::from_utf8_lossy(&words).contains(&root) {
                kill(pid);
            }
        }
    }
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

fn write_private(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// Processes, with their parents.
fn processes() -> Vec<(i32, u32)> {
    let entries = fs::read_dir("/proc").unwrap();
    let parent = |pid: &i32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (_, rest) = stat.rsplit_once(')')?;
        rest.split_whitespace().nth(1)?.parse().ok()
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, parent(&pid)?)))
        .collect()
}

fn kill(pid: i32) {
    // It may have ended by itself.
    let _ = nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(pid),
        nix::sys::signal::Signal::SIGKILL,
    );
}

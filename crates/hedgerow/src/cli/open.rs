//! `hedgerow open`: the strict tier. A Chromium with a profile of its own that looks up no names, has no way to a proxy
//! and no WebRTC outside, so that what a widget does stays in it even where a header is missing.
//!
//! The login link is not on the command line, which every account of the machine can read: a page in the profile,
//! readable to the owner only, leads to it.

use super::{Context, Result, args::Open, client::write_private, local, output, place};
use hedgerow_api::{ApiError, ErrorCode};
use hedgerow_sandbox::Tier;
use serde_json::{Value, json};
use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Names under which Chromium and its relatives that know these switches are found.
const NAMES: &[&str] = &[
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "brave-browser",
    "microsoft-edge",
    "microsoft-edge-stable",
];
/// How long a browser is watched for ending at once.
const WATCH: Duration = Duration::from_millis(700);

pub(super) fn run(options: &Open, context: &Context) -> Result {
    let client = context.client()?;
    if options.plain {
        let link = client.call("node.login_link", json!({}))?;
        return plain(link, context);
    }
    let program = chromium(options.browser.as_deref())?;
    let link = client.call("node.login_link", json!({ "strict": true }))?;
    let address = link.get("hub").and_then(Value::as_str).unwrap_or_default();
    let (hub, host) = parts(address)?;
    let page = prepare(&context.data, host, address).map_err(|e| {
        local(format!(
            "cannot make the browser's folder in {}: {e}",
            context.data.display()
        ))
    })?;
    let arguments = arguments(host, &page, options);
    if options.print {
        return print(&program, &arguments, hub, context);
    }
    let pid = start(&program, &arguments)?;
    let answer = json!({"tier": Tier::Strict.name(), "hub": hub, "pid": pid});
    context.output.result(&answer, |_| {
        format!(
            "Opening {hub} in {}. Nothing that a widget does gets out of it.",
            program.display()
        )
    });
    Ok(())
}

/// The usual browser.
fn plain(link: Value, context: &Context) -> Result {
    let address = link.get("hub").and_then(Value::as_str).unwrap_or_default();
    let opened = place::open_browser(address);
    let answer = json!({"tier": Tier::Partial.name(), "hub": address, "pid": null});
    context.output.result(&answer, |_| {
        let how = if opened { "Opening" } else { "Open this in a browser:" };
        format!("{how} {address}")
    });
    Ok(())
}

/// `http://HOST` and `HOST` of a login link.
fn parts(address: &str) -> Result<(&str, &str)> {
    let hub = address.split_once("/#").map(|(hub, _)| hub);
    hub.and_then(|hub| Some((hub, hub.strip_prefix("http://")?)))
        .ok_or_else(|| {
            local("the node gave an address that this program does not understand; are both of one version?")
        })
}

/// The Chromium that was named, or the first with a usual name.
fn chromium(named: Option<&Path>) -> Result<PathBuf> {
    let set = env::var_os("CHROMIUM").filter(|v| !v.is_empty()).map(PathBuf::from);
    if let Some(path) = named.map(Path::to_owned).or(set) {
        return match path.is_file() {
            true => Ok(path),
            false => Err(ApiError::new(
                ErrorCode::NotFound,
                format!("there is no program {}; name a Chromium with --browser", path.display()),
            )),
        };
    }
    usual().ok_or_else(|| {
        ApiError::new(
            ErrorCode::NotFound,
            "no Chromium is here, so nothing was opened: install chromium (or Chrome, Brave, Edge), or name one with \
             --browser PATH; `hedgerow open --plain` opens the usual browser, where a widget can leak name lookups",
        )
    })
}

fn usual() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let on_path = env::split_paths(&path).flat_map(|folder| {
        NAMES
            .iter()
            .map(move |name| folder.join(format!("{name}{}", env::consts::EXE_SUFFIX)))
    });
    let installed = [
        "/Applications/Chromium.app/Contents/MacOS/Chromium",
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
        "C:\\Program Files\\Chromium\\Application\\chrome.exe",
        "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
        "C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe",
    ];
    on_path.chain(installed.map(PathBuf::from)).find(|p| p.is_file())
}

/// Makes `DATA/browser/PORT` (its own storage for each port, as origins have) and the page that logs in; answers where
/// that is.
fn prepare(data: &Path, host: &str, address: &str) -> io::Result<PathBuf> {
    let port = host.rsplit_once(':').map_or("80", |(_, port)| port);
    let folder = data.join("browser");
    private_folder(&folder)?;
    let folder = folder.join(port);
    private_folder(&folder)?;
    let page = folder.join("open.html");
    // The address is of our own making: letters, digits and `:/#=-_.`.
    let text = format!(
        "<!doctype html><meta charset=utf-8><title>Hedgerow</title><script>location.replace({})</script>\n",
        json!(address)
    );
    write_private(&page, text.as_bytes())?;
    Ok(page)
}

/// A folder for the owner only.
fn private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    Ok(())
}

/// What keeps the browser from the network, then what the person asked for.
fn arguments(host: &str, page: &Path, options: &Open) -> Vec<String> {
    let profile = page.parent().unwrap_or(page);
    let mut list = vec![format!("--user-data-dir={}", profile.display())];
    list.extend(strict(host));
    list.extend(["--no-first-run", "--no-default-browser-check"].map(str::to_owned));
    if options.headless {
        list.push("--headless=new".to_owned());
    }
    list.extend(options.extra.iter().cloned());
    list.push(file_address(page));
    list
}

/// The switches of the strict tier. Every name but the node's own leads nowhere; every connection but to the node's
/// own port goes to a proxy that is not there, other ports of this machine included; WebRTC may use that proxy only.
/// The rest is what Chromium would send by itself.
fn strict(host: &str) -> Vec<String> {
    vec![
        "--host-resolver-rules=MAP * ^NOTFOUND, EXCLUDE hub.localhost, EXCLUDE *.hub.localhost".to_owned(),
        "--proxy-server=socks5://127.0.0.1:9".to_owned(),
        format!("--proxy-bypass-list=<-loopback>;{host};*.{host}"),
        // The first is what Chromium 156 listens to (measured), the second what earlier ones did.
        "--webrtc-ip-handling-policy=disable_non_proxied_udp".to_owned(),
        "--force-webrtc-ip-handling-policy=disable_non_proxied_udp".to_owned(),
        "--disable-background-networking".to_owned(),
        "--disable-component-update".to_owned(),
        "--disable-domain-reliability".to_owned(),
        "--disable-quic".to_owned(),
        "--disable-sync".to_owned(),
        "--no-pings".to_owned(),
        // Else a page is told what its scripts hold every twenty minutes only, and one that takes too much is not found.
        "--enable-precise-memory-info".to_owned(),
        // Televisions in the local network are looked for; WebRTC asks it for names of addresses that it may not use here.
        "--disable-features=MediaRouter,DialMediaRouteProvider,WebRtcHideLocalIpsWithMdns".to_owned(),
    ]
}

/// A path as browsers write it.
fn file_address(path: &Path) -> String {
    let text = path.to_string_lossy().replace('\\', "/");
    let mut out = String::from(if text.starts_with('/') { "file://" } else { "file:///" });
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' | b':' => {
                out.push(char::from(byte));
            }
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

fn print(program: &Path, arguments: &[String], hub: &str, context: &Context) -> Result {
    let all: Vec<String> = std::iter::once(program.display().to_string())
        .chain(arguments.iter().cloned())
        .collect();
    let answer = json!({"tier": Tier::Strict.name(), "hub": hub, "pid": null, "command": all});
    if context.output.json {
        context.output.result(&answer, |_| String::new());
    } else {
        all.iter().for_each(|argument| output::line(argument));
    }
    Ok(())
}

/// Starts it and sees whether it stays. One that ends well at once has handed the page to a window that is open.
fn start(program: &Path, arguments: &[String]) -> Result<u32> {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    // Ctrl-C in this terminal is not meant for it.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let child = command
        .spawn()
        .map_err(|e| local(format!("cannot start {}: {e}", program.display())))?;
    let pid = child.id();
    match watched(child) {
        None => Ok(pid),
        Some(why) => Err(local(format!(
            "{} ended at once ({why}); start it by hand to see why: `hedgerow open --print` shows how. As root it \
             needs `-- --no-sandbox`, which takes its own fence away",
            program.display()
        ))),
    }
}

/// Why it ended badly, if it did so soon.
fn watched(mut child: Child) -> Option<String> {
    let begin = Instant::now();
    while begin.elapsed() < WATCH {
        match child.try_wait() {
            Ok(Some(status)) if !status.success() => return Some(status.to_string()),
            Ok(Some(_)) | Err(_) => return None,
            Ok(None) => thread::sleep(Duration::from_millis(20)),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_nodes_own_names_on_its_own_port_are_reached() {
        let flags = strict("hub.localhost:4400");
        let starting = |with: &str| flags.iter().find(|f| f.starts_with(with)).unwrap().clone();
        assert_eq!(
            starting("--proxy-bypass-list="),
            "--proxy-bypass-list=<-loopback>;hub.localhost:4400;*.hub.localhost:4400"
        );
        assert!(starting("--host-resolver-rules=").starts_with("--host-resolver-rules=MAP * ^NOTFOUND, "));
        assert_eq!(
            starting("--webrtc-ip-handling-policy=").split('=').nth(1),
            Some("disable_non_proxied_udp")
        );
    }

    #[test]
    fn the_login_code_is_not_on_the_command_line_and_only_the_owner_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let page = prepare(
            folder.path(),
            "hub.localhost:4400",
            "http://hub.localhost:4400/#login=secret",
        )
        .unwrap();
        let options = Open {
            plain: false,
            browser: None,
            headless: true,
            print: false,
            extra: vec!["--no-sandbox".to_owned()],
        };
        let all = arguments("hub.localhost:4400", &page, &options);
        assert!(!all.iter().any(|argument| argument.contains("secret")));
        assert!(all.contains(&"--no-sandbox".to_owned()) && all.contains(&"--headless=new".to_owned()));
        assert!(fs::read_to_string(&page).unwrap().contains("#login=secret"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(&page), 0o600);
            assert_eq!(mode(page.parent().unwrap()), 0o700);
            assert_eq!(mode(&folder.path().join("browser")), 0o700);
        }
    }

    #[test]
    fn a_path_becomes_an_address() {
        assert_eq!(file_address(Path::new("/a b/ü#.html")), "file:///a%20b/%C3%BC%23.html");
    }

    #[test]
    fn a_browser_that_is_not_there_is_named() {
        let error = chromium(Some(Path::new("/nowhere/chromium"))).unwrap_err();
        assert!(error.message.contains("/nowhere/chromium"));
    }
}

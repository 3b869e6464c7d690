//! Where the data is, and how the browser is opened.

use hedgerow_api::{ApiError, ErrorCode};
use std::{
    env,
    path::PathBuf,
    process::{Command, Stdio},
};

/// The data folder: `--data`, else `HEDGEROW_DATA`, else where the platform keeps data of programs. Always absolute.
pub(crate) fn data_folder(given: Option<PathBuf>) -> Result<PathBuf, ApiError> {
    let set = |name: &str| env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let folder = given
        .or_else(|| set("HEDGEROW_DATA"))
        .or_else(|| platform_folder(set))
        .ok_or_else(|| {
            ApiError::new(
                ErrorCode::Local,
                "cannot tell where to keep data on this machine; name a folder with --data",
            )
        })?;
    std::path::absolute(&folder).map_err(|e| {
        ApiError::new(
            ErrorCode::Local,
            format!("cannot use the data folder {}: {e}", folder.display()),
        )
    })
}

fn platform_folder(set: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    if cfg!(windows) {
        return Some(set("LOCALAPPDATA").or_else(|| set("APPDATA"))?.join("Hedgerow"));
    }
    if cfg!(target_os = "macos") {
        return Some(set("HOME")?.join("Library/Application Support/Hedgerow"));
    }
    // The XDG base directory rules: a relative XDG_DATA_HOME is to be ignored.
    let data = set("XDG_DATA_HOME").filter(|p| p.is_absolute());
    Some(
        data.or_else(|| Some(set("HOME")?.join(".local/share")))?
            .join("hedgerow"),
    )
}

/// Opens an address in the person's browser. Failure is silent: the address is printed as well.
pub(crate) fn open_browser(address: &str) -> bool {
    let mut command = if cfg!(windows) {
        let mut command = Command::new("rundll32");
        command.arg("url.dll,FileProtocolHandler");
        command
    } else if cfg!(target_os = "macos") {
        Command::new("open")
    } else {
        Command::new("xdg-open")
    };
    let quiet = command
        .arg(address)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    match quiet.spawn() {
        Ok(mut child) => {
            // The opener ends soon; waiting for it elsewhere keeps no dead process behind.
            std::thread::spawn(move || child.wait());
            true
        }
        Err(_) => false,
    }
}

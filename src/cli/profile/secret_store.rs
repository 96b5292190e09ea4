//! Storage of keys and tokens: in the keyring of the operating system, otherwise in a file that only its owner can
//! read.

#[cfg(target_os = "macos")]
use super::keychain as keyring;
use super::keyring_error::KeyringError;
use super::profile_store::{CredentialRef, SecretBackend};
#[cfg(not(target_os = "macos"))]
use super::secret_tool as keyring;
use crate::cli::failure::CommandFailure;
use crate::cli::settings;
use crate::domain::secret::Secret;
use crate::files;
use crate::files::private;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Service name of crow's entries in the keyring.
const KEYRING_SERVICE: &str = "crow";

/// Stores a secret in the place asked for; without one, in the keyring if there is one, otherwise in a file. Returns
/// the place, and why the keyring was not used if that was tried.
pub(super) fn put(
    profile: &str,
    name: &str,
    secret: &Secret,
    wish: Option<SecretBackend>,
) -> Result<(SecretBackend, Option<String>), CommandFailure> {
    let refused = match wish {
        Some(SecretBackend::File) => None,
        Some(SecretBackend::Keyring) => {
            return keyring::store(KEYRING_SERVICE, &account(profile, name), secret)
                .map(|()| (SecretBackend::Keyring, None))
                .map_err(|error| {
                    CommandFailure::failed(error.to_string(), "install or unlock it, or use --keep file")
                });
        }
        None => match keyring::store(KEYRING_SERVICE, &account(profile, name), secret) {
            Ok(()) => return Ok((SecretBackend::Keyring, None)),
            Err(error) => Some(error.to_string()),
        },
    };
    write_secret_file(&secret_file(profile, name)?, secret)?;
    Ok((SecretBackend::File, refused))
}

/// Reads a secret from its place.
pub(in crate::cli) fn get(profile: &str, kept: &CredentialRef) -> Result<Secret, CommandFailure> {
    let again = format!("store it again with crow profile key {profile} \"{}\"", kept.name);
    match kept.kept {
        SecretBackend::Keyring => keyring::lookup(KEYRING_SERVICE, &account(profile, &kept.name))
            .map_err(|why| CommandFailure::usage(format!("{} of profile {profile}: {why}", kept.name), again)),
        SecretBackend::File => {
            let path = secret_file(profile, &kept.name)?;
            let text = files::read_text_limited(&path, files::MAX_SECRET_BYTES)
                .map_err(|error| CommandFailure::usage(format!("{}: {error}", path.display()), again))?;
            Ok(Secret::new(text.trim().to_owned()))
        }
    }
}

/// Deletes a secret. A secret that is already gone is not an error.
pub(super) fn forget(profile: &str, kept: &CredentialRef) -> Result<(), CommandFailure> {
    match kept.kept {
        SecretBackend::Keyring => match keyring::clear(KEYRING_SERVICE, &account(profile, &kept.name)) {
            Ok(()) | Err(KeyringError::NoEntry) => Ok(()),
            Err(error) => Err(CommandFailure::failed(
                error.to_string(),
                format!("remove crow/{profile}/{} from the keyring by hand", kept.name),
            )),
        },
        SecretBackend::File => {
            let path = secret_file(profile, &kept.name)?;
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    Err(CommandFailure::failed(format!("{}: {error}", path.display()), "remove it by hand"))
                }
                _ => Ok(()),
            }
        }
    }
}

/// Describes in words where a secret is stored.
pub(super) fn location_text(profile: &str, kept: &CredentialRef) -> Result<String, CommandFailure> {
    Ok(match kept.kept {
        SecretBackend::Keyring => "in the keyring".to_owned(),
        SecretBackend::File => format!("in {}, which only you can read", secret_file(profile, &kept.name)?.display()),
    })
}

/// Returns the file of a secret. Names consist of letters, digits, spaces, dots, dashes and underscores, so they are
/// valid file names.
fn secret_file(profile: &str, name: &str) -> Result<PathBuf, CommandFailure> {
    Ok(settings::keys_dir()?.join(profile).join(name))
}

fn write_secret_file(path: &Path, secret: &Secret) -> Result<(), CommandFailure> {
    let refused = |error: std::io::Error| {
        CommandFailure::failed(format!("{}: {error}", path.display()), "set XDG_DATA_HOME elsewhere")
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(refused)?;
    }
    let text = Zeroizing::new(format!("{}\n", secret.reveal()));
    // Created anew with mode 0600: an existing file may have been readable by others.
    private::remove(path).and_then(|()| private::create(path, text.as_bytes())).map_err(refused)
}

/// Returns the account of a secret in the keyring.
fn account(profile: &str, name: &str) -> String {
    format!("{profile}/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_file_is_its_owners_alone_also_where_one_was() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("keys/acme/Zapier");
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(&path, "what was there before, and longer than what comes").expect("written");
        write_secret_file(&path, &Secret::new("wlcro_live_1_x".to_owned())).expect("written");
        assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_to_string(&path).expect("text"), "wlcro_live_1_x\n");
    }
}

//! Input for the signature debugger: the signature that a receiver computed, or the secret that it holds. A typed
//! secret is never displayed, and its memory is wiped.

use crate::diagnose::diagnosis_subject::DiagnosisSubject;
use crate::domain::ids::AttemptId;
use crate::domain::secret::Secret;
use crate::tui::keys::chord::{KeyChord, ctrl};
use crate::tui::state::issued_secret::IssuedSecret;
use crate::tui::widgets::text_input::{EditResult, TextInput};
use crossterm::event::KeyCode;
use zeroize::Zeroizing;

/// Maximum length of a typed secret, in bytes.
pub(in crate::tui) const MAX_SECRET_BYTES: usize = 512;

/// Secret being typed. It is never displayed, and its memory is wiped on drop.
#[derive(Clone, PartialEq)]
pub struct SecretInput(pub(in crate::tui) Zeroizing<String>);

impl Default for SecretInput {
    fn default() -> Self {
        // The buffer never grows, because a reallocation would leave a copy behind that is not wiped.
        Self(Zeroizing::new(String::with_capacity(MAX_SECRET_BYTES)))
    }
}

impl std::fmt::Debug for SecretInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretInput(…)")
    }
}

impl SecretInput {
    pub(in crate::tui) fn add(&mut self, text: &str) {
        let known = text.chars().filter(|character| !character.is_control());
        for character in known {
            if self.0.len() + character.len_utf8() <= MAX_SECRET_BYTES {
                self.0.push(character);
            }
        }
    }

    /// Applies an editing key: a character, Backspace, or Ctrl-U to clear.
    pub fn press(&mut self, chord: KeyChord) -> EditResult {
        match chord.printable() {
            Some(character) => self.add(character.encode_utf8(&mut [0; 4])),
            None if chord.code() == KeyCode::Backspace => drop(self.0.pop()),
            None if chord == ctrl('u') => self.0.clear(),
            None => return EditResult::Nothing,
        }
        EditResult::Text
    }

    /// Appends pasted text completely or not at all.
    ///
    /// # Errors
    /// A one-line reason when the secret would be too long.
    pub fn paste(&mut self, text: &str) -> Result<(), String> {
        if self.0.len() + text.len() > MAX_SECRET_BYTES {
            return Err(format!("not pasted: a secret has at most {MAX_SECRET_BYTES} bytes"));
        }
        self.add(text);
        Ok(())
    }

    /// Secret that was typed, for the signature check; `None` if the input is empty.
    #[must_use]
    pub fn secret(&self, attempt: AttemptId) -> Option<IssuedSecret> {
        let name = format!("secret of the receiver of attempt {attempt}");
        (!self.0.is_empty()).then(|| IssuedSecret::new(name, Secret::new(self.0.to_string())))
    }
}

/// Kind of the input, with what was typed.
#[derive(Debug, Clone, PartialEq)]
pub enum SignatureInputKind {
    /// Signature that the receiver computed.
    ComputedSignature(TextInput),
    /// Secret that the receiver holds.
    ReceiverSecret(SecretInput),
}

/// Input about the receiver of an attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct SignatureInput {
    /// Attempt whose signature is checked.
    pub attempt: AttemptId,
    /// Subject that the signature debugger was opened for.
    pub subject: DiagnosisSubject,
    /// Kind of the input, with what was typed.
    pub wanted: SignatureInputKind,
}

impl SignatureInput {
    /// Applies an editing key to the input.
    pub fn press(&mut self, chord: KeyChord) -> EditResult {
        match &mut self.wanted {
            SignatureInputKind::ComputedSignature(entry) => entry.press(chord),
            SignatureInputKind::ReceiverSecret(typed) => typed.press(chord),
        }
    }

    /// Inserts pasted text completely or not at all.
    ///
    /// # Errors
    /// A one-line reason when the text is too long.
    pub fn paste(&mut self, text: &str) -> Result<(), String> {
        match &mut self.wanted {
            SignatureInputKind::ComputedSignature(entry) => entry.paste(text),
            SignatureInputKind::ReceiverSecret(typed) => typed.paste(text),
        }
    }
}

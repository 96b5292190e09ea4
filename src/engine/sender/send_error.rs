//! Send errors: the cause of an attempt without an answer, derived from error types and never from their texts.

use crate::domain::attempt::AttemptPhase;
use crate::domain::delivery::FailureKind;
use crate::domain::time::Timestamp;
use rustls::{AlertDescription, CertificateError, Error as TlsError};
use std::error::Error as StdError;
use std::io::{Error as IoError, ErrorKind};

/// Error of an attempt without an answer.
#[derive(Debug, Clone)]
pub(super) struct SendError {
    pub(super) cause: FailureKind,
    /// Explanation as a sentence without a full stop.
    pub(super) message: String,
}

impl SendError {
    pub(super) fn new(cause: FailureKind, why: impl Into<String>) -> Self {
        Self { cause, message: why.into() }
    }
}

/// Name of a phase, to follow "while" or "waiting for".
pub(super) const fn phase_name(phase: AttemptPhase) -> &'static str {
    match phase {
        AttemptPhase::Dns => "the DNS lookup",
        AttemptPhase::Connect => "the connection",
        AttemptPhase::Tls => "the TLS handshake",
        AttemptPhase::Head => "the response headers",
        AttemptPhase::Body => "the rest of the response body",
    }
}

/// Converts an error of an HTTP exchange.
pub(super) fn from_http(error: &hyper::Error, phase: AttemptPhase) -> SendError {
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(inner) = inner.downcast_ref::<IoError>() {
            return from_io(inner, phase);
        }
        source = inner.source();
    }
    if error.is_parse_too_large() {
        SendError::new(FailureKind::InvalidHttp, "response headers too large")
    } else if error.is_parse() {
        SendError::new(FailureKind::InvalidHttp, "response is not HTTP/1.1")
    } else {
        SendError::new(FailureKind::ConnectionReset, closed_message(phase))
    }
}

/// Converts an I/O error of an established connection.
pub(super) fn from_io(error: &IoError, phase: AttemptPhase) -> SendError {
    if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>()) {
        return from_tls(error);
    }
    match error.kind() {
        ErrorKind::TimedOut => {
            SendError::new(FailureKind::Timeout, format!("the connection timed out waiting for {}", phase_name(phase)))
        }
        // hyper reports malformed chunks with these kinds.
        ErrorKind::InvalidInput | ErrorKind::InvalidData => {
            SendError::new(FailureKind::InvalidHttp, "response body does not match its headers")
        }
        ErrorKind::ConnectionReset => SendError::new(
            FailureKind::ConnectionReset,
            format!("the receiver reset the connection before {}", phase_name(phase)),
        ),
        _ => SendError::new(FailureKind::ConnectionReset, closed_message(phase)),
    }
}

fn closed_message(phase: AttemptPhase) -> String {
    match phase {
        AttemptPhase::Tls => "the receiver closed the connection during the TLS handshake".to_owned(),
        _ => format!("the receiver closed the connection before {}", phase_name(phase)),
    }
}

/// Converts a TLS error of the handshake or of the established session.
pub(super) fn from_tls(error: &TlsError) -> SendError {
    let why = match error {
        TlsError::InvalidCertificate(error) => format!("the receiver's certificate {}", certificate_message(error)),
        TlsError::NoCertificatesPresented => "the receiver presented no certificate".to_owned(),
        TlsError::AlertReceived(AlertDescription::HandshakeFailure) => {
            "the receiver has no usable certificate or cipher (alert: handshake failure)".to_owned()
        }
        TlsError::AlertReceived(AlertDescription::ProtocolVersion) => {
            "the receiver supports neither TLS 1.2 nor 1.3".to_owned()
        }
        TlsError::AlertReceived(AlertDescription::UnrecognisedName) => {
            "the receiver does not serve this host name".to_owned()
        }
        TlsError::AlertReceived(AlertDescription::CertificateRequired) => {
            "the receiver requires a client certificate, which crow does not have".to_owned()
        }
        TlsError::AlertReceived(alert) => format!("the receiver ended the TLS connection (alert: {alert:?})"),
        TlsError::InvalidMessage(_) | TlsError::InappropriateMessage { .. } => {
            "the server on that port does not speak TLS".to_owned()
        }
        TlsError::InappropriateHandshakeMessage { .. } | TlsError::DecryptError | TlsError::PeerSentOversizedRecord => {
            "the answer violates the TLS protocol".to_owned()
        }
        TlsError::PeerIncompatible(_) => "no common TLS version or cipher".to_owned(),
        TlsError::PeerMisbehaved(_) => "the receiver violates the TLS protocol".to_owned(),
        _ => format!("TLS handshake failed: {error}"),
    };
    SendError::new(FailureKind::Tls, why)
}

/// Maximum number of names of a certificate that an error lists.
const MAX_CERTIFICATE_NAMES: usize = 3;
/// Maximum length of these names, in characters.
const MAX_CERTIFICATE_CHARS: usize = 200;

/// Describes a certificate error, to follow "the receiver's certificate".
fn certificate_message(error: &CertificateError) -> String {
    match error {
        CertificateError::Expired => "has expired".to_owned(),
        CertificateError::ExpiredContext { not_after, .. } => {
            let at = i64::try_from(not_after.as_secs().saturating_mul(1_000)).unwrap_or(i64::MAX);
            format!("has expired at {}", Timestamp::from_millis(at).to_rfc3339_seconds())
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "is not valid yet".to_owned(),
        CertificateError::NotValidForName => "is for another host name".to_owned(),
        CertificateError::NotValidForNameContext { expected, presented } => {
            let names: Vec<&str> = presented.iter().take(MAX_CERTIFICATE_NAMES).map(String::as_str).collect();
            let named: String = names.join(", ").chars().take(MAX_CERTIFICATE_CHARS).collect();
            let named = if named.is_empty() {
                "it has no name".to_owned()
            } else {
                format!("it is for {}", named.replace("DnsName(", "").replace([')', '"'], ""))
            };
            format!("is not for {}: {named}", expected.to_str())
        }
        CertificateError::UnknownIssuer => {
            "is self-signed, from an unknown authority, or lacks an intermediate".to_owned()
        }
        CertificateError::Revoked => "was revoked".to_owned(),
        CertificateError::BadSignature => "has an invalid signature".to_owned(),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "is not a server certificate".to_owned()
        }
        CertificateError::BadEncoding => "is malformed".to_owned(),
        CertificateError::Other(error) => match error.0.downcast_ref::<webpki::Error>() {
            Some(webpki::Error::EndEntityUsedAsCa) => "is signed by a certificate that is not an authority".to_owned(),
            Some(webpki::Error::CaUsedAsEndEntity) => "is an authority's own certificate".to_owned(),
            _ => format!("is invalid: {}", error.0),
        },
        _ => format!("is invalid: {error}"),
    }
}

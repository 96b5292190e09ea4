//! Causes that a diagnosis can name: each with the id that documents and scripts read, and its place among causes that
//! explain the same failures.

use super::signature_debugger::signature_fault::SignatureFault;
use super::subscription::MANAGERS;

/// Cause of a symptom, as playbooks find it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CauseKind {
    /// The platform answered calls with 5xx by a fault of its own.
    PlatformErrors,
    /// The platform has paused all deliveries.
    DispatchPaused,
    /// Deliveries are due and are not sent.
    DispatchLate,
    /// The platform's disk or database limit is reached.
    StorageFull,
    /// The platform's clock differs from all other clocks.
    PlatformClock,
    /// No key arrived with the call.
    KeyNotSent,
    /// The key was sent in another place than `X-Api-Key`.
    KeyWrongHeader,
    /// The key contains white space or an invisible character.
    KeySpaces,
    /// The key is shorter or longer than a key.
    KeyTruncated,
    /// The text sent has the prefix of another service.
    KeyWrongPrefix,
    /// The key names another company than it was issued for.
    KeyWrongCompany,
    /// The header with the key was sent more than once.
    KeyRepeated,
    /// The text sent is no key for another reason.
    KeyMalformed,
    /// The key ends like a key of its company and differs inside.
    KeyMistyped,
    /// No key of the company ends like the one sent.
    KeyUnknown,
    /// The key belongs to a company that this platform does not have.
    KeyWrongEnvironment,
    /// The key was revoked and is still used.
    KeyRevoked,
    /// The key lacks a scope that its calls need.
    ScopeMissing,
    /// The call asks for an object of another company.
    OtherCompany,
    /// Another key than the tool's tried to change a subscription that the tool manages.
    Managed(&'static str),
    /// Calls have invalid values in named fields.
    CallInvalid,
    /// Calls have a body or head that cannot be read.
    CallMalformed,
    /// Calls go to a path or an id that does not exist.
    CallNotFound,
    /// Calls use a method that the path does not have.
    CallWrongMethod,
    /// An idempotency key was used again with another body.
    CallConflict,
    /// The company has reached a quota.
    CallQuota,
    /// Calls have a body or head above the size limit.
    CallTooLarge,
    /// Calls have a media type or an encoding that is not read.
    CallMediaType,
    /// A rate limit was lowered and is exceeded since.
    RateLimitLowered,
    /// A key polls faster than its read limit allows.
    RatePolling,
    /// Several systems use up the limit of one key.
    RateSharedKey,
    /// A key writes faster than its write limit allows.
    RateBulk,
    /// Calls come all at the start of a minute.
    RateBurst,
    /// A caller repeats refused calls without waiting.
    RateRetryIgnored,
    /// A key calls more often than its limit allows.
    RateLimited,
    /// The write queue of the platform was full.
    BulkContended,
    /// Writes succeeded so late that the client may have given up.
    BulkClientTimeout,
    /// A poller's key cannot read events.
    EventsNoScope,
    /// A poller asks for an event type that does not exist.
    EventsUnknownType,
    /// A poller's time filters exclude the events that happened.
    EventsFiltered,
    /// A poller asks for events from a time in the future.
    EventsSinceFuture,
    /// A poller's filters are refused as invalid.
    EventsPollInvalid,
    /// A poller's cursor is refused.
    EventsCursorInvalid,
    /// A poller asks for the same page again and again.
    EventsStuck,
    /// A poller polled while its company had no events.
    EventsNotHappened,
    /// A subscription was disabled by hand.
    SubDisabled,
    /// The breaker disabled a subscription.
    BreakerTripped,
    /// The breaker disabled a subscription whose endpoint works again.
    BreakerFixed,
    /// The breaker trips again and again.
    BreakerFlaps,
    /// A subscription fails since its configuration was changed.
    SubscriptionChanged,
    /// A subscription was deleted, and no other takes its events.
    SubscriptionDeleted,
    /// Two subscriptions deliver the same events to one URL.
    SubscriptionDuplicate,
    /// A subscription was replaced by a newer one and still exists.
    SubscriptionReplaced,
    /// An event type that happened is on no list of subscribed types.
    TypeNotSubscribed,
    /// A subscription was refused for a type that does not exist as written.
    TypeWrongCase,
    /// A company had no events.
    QuietCompany,
    /// The endpoint answers with errors of its own.
    EndpointErrors,
    /// A proxy in front of the endpoint answers in its place.
    EndpointProxy,
    /// The endpoint does not answer in time.
    EndpointSlow,
    /// The endpoint's host refuses connections.
    EndpointRefused,
    /// The endpoint's name does not resolve.
    EndpointDns,
    /// The endpoint's certificate has expired.
    EndpointTlsExpired,
    /// The endpoint's certificate is for another host.
    EndpointTlsName,
    /// The endpoint's certificate is not trusted.
    EndpointTlsUntrusted,
    /// The TLS handshake fails for another reason.
    EndpointTls,
    /// The endpoint's address is not public.
    EndpointPrivate,
    /// The endpoint breaks connections.
    EndpointBroken,
    /// The target's scheme or port is not the one that the endpoint speaks.
    EndpointWrongScheme,
    /// The endpoint redirects, which is not followed.
    EndpointRedirects,
    /// The endpoint's path no longer exists.
    EndpointGone,
    /// The endpoint's path takes no POST.
    EndpointWrongMethod,
    /// The endpoint refuses bodies of that size.
    EndpointTooLarge,
    /// The endpoint refuses the media type.
    EndpointMediaType,
    /// The endpoint limits how often it is called.
    EndpointLimitsUs,
    /// The endpoint asks for a login.
    EndpointLogin,
    /// A firewall in front of the endpoint blocks deliveries.
    EndpointFirewall,
    /// The endpoint refuses the content of deliveries.
    EndpointValidation,
    /// The endpoint refuses deliveries and does not say why.
    EndpointUnexplained,
    /// The endpoint refuses the signature and does not say what it computed.
    EndpointRejectsSignature,
    /// The endpoint fails for a part of its deliveries.
    EndpointIntermittent,
    /// The endpoint succeeds, but close to the time limit.
    EndpointNearTimeout,
    /// Deliveries fail, and their log was not read.
    EndpointFailing,
    /// The receiver's signature check goes wrong in a known way.
    Signature(SignatureFault),
    /// The receiver computes a signature that no known mistake explains.
    SignatureUnexplained,
    /// The receiver has no signing secret.
    LostSecret,
    /// Events were not delivered.
    ChannelGap,
}

impl CauseKind {
    /// Id of the cause, as scripts and documents read it.
    #[must_use]
    #[expect(clippy::too_many_lines, reason = "a table with one entry for each cause")]
    pub fn id(self) -> &'static str {
        match self {
            Self::PlatformErrors => "platform-errors",
            Self::DispatchPaused => "dispatch-paused",
            Self::DispatchLate => "dispatch-late",
            Self::StorageFull => "storage-full",
            Self::PlatformClock => "platform-clock",
            Self::KeyNotSent => "key-not-sent",
            Self::KeyWrongHeader => "key-wrong-header",
            Self::KeySpaces => "key-spaces",
            Self::KeyTruncated => "key-truncated",
            Self::KeyWrongPrefix => "key-wrong-prefix",
            Self::KeyWrongCompany => "key-wrong-company",
            Self::KeyRepeated => "key-repeated",
            Self::KeyMalformed => "key-malformed",
            Self::KeyMistyped => "key-mistyped",
            Self::KeyUnknown => "key-unknown",
            Self::KeyWrongEnvironment => "key-wrong-environment",
            Self::KeyRevoked => "key-revoked",
            Self::ScopeMissing => "scope-missing",
            Self::OtherCompany => "other-company",
            Self::Managed("Zapier") => "managed-zapier",
            Self::Managed("n8n") => "managed-n8n",
            Self::Managed("Make") => "managed-make",
            Self::Managed(_) => "managed-tool",
            Self::CallInvalid => "call-invalid",
            Self::CallMalformed => "call-malformed",
            Self::CallNotFound => "call-not-found",
            Self::CallWrongMethod => "call-wrong-method",
            Self::CallConflict => "call-conflict",
            Self::CallQuota => "call-quota",
            Self::CallTooLarge => "call-too-large",
            Self::CallMediaType => "call-media-type",
            Self::RateLimitLowered => "rate-limit-lowered",
            Self::RatePolling => "rate-polling",
            Self::RateSharedKey => "rate-shared-key",
            Self::RateBulk => "rate-bulk",
            Self::RateBurst => "rate-burst",
            Self::RateRetryIgnored => "rate-retry-ignored",
            Self::RateLimited => "rate-limited",
            Self::BulkContended => "bulk-contended",
            Self::BulkClientTimeout => "bulk-client-timeout",
            Self::EventsNoScope => "events-no-scope",
            Self::EventsUnknownType => "events-unknown-type",
            Self::EventsFiltered => "events-filtered",
            Self::EventsSinceFuture => "events-since-future",
            Self::EventsPollInvalid => "events-poll-invalid",
            Self::EventsCursorInvalid => "events-cursor-invalid",
            Self::EventsStuck => "events-stuck",
            Self::EventsNotHappened => "events-not-happened",
            Self::SubDisabled => "sub-disabled",
            Self::BreakerTripped => "breaker-tripped",
            Self::BreakerFixed => "breaker-fixed",
            Self::BreakerFlaps => "breaker-flaps",
            Self::SubscriptionChanged => "subscription-changed",
            Self::SubscriptionDeleted => "subscription-deleted",
            Self::SubscriptionDuplicate => "subscription-duplicate",
            Self::SubscriptionReplaced => "subscription-replaced",
            Self::TypeNotSubscribed => "type-not-subscribed",
            Self::TypeWrongCase => "type-wrong-case",
            Self::QuietCompany => "quiet-company",
            Self::EndpointErrors => "endpoint-500",
            Self::EndpointProxy => "endpoint-proxy",
            Self::EndpointSlow => "endpoint-slow",
            Self::EndpointRefused => "endpoint-refused",
            Self::EndpointDns => "endpoint-dns",
            Self::EndpointTlsExpired => "endpoint-tls-expired",
            Self::EndpointTlsName => "endpoint-tls-name",
            Self::EndpointTlsUntrusted => "endpoint-tls-untrusted",
            Self::EndpointTls => "endpoint-tls",
            Self::EndpointPrivate => "endpoint-private",
            Self::EndpointBroken => "endpoint-broken",
            Self::EndpointWrongScheme => "endpoint-wrong-scheme",
            Self::EndpointRedirects => "endpoint-redirects",
            Self::EndpointGone => "endpoint-gone",
            Self::EndpointWrongMethod => "endpoint-wrong-method",
            Self::EndpointTooLarge => "endpoint-too-large",
            Self::EndpointMediaType => "endpoint-media-type",
            Self::EndpointLimitsUs => "endpoint-limits-us",
            Self::EndpointLogin => "endpoint-login",
            Self::EndpointFirewall => "endpoint-firewall",
            Self::EndpointValidation => "endpoint-validation",
            Self::EndpointUnexplained => "endpoint-unexplained",
            Self::EndpointRejectsSignature => "endpoint-rejects-signature",
            Self::EndpointIntermittent => "endpoint-intermittent",
            Self::EndpointNearTimeout => "endpoint-near-timeout",
            Self::EndpointFailing => "endpoint-failing",
            Self::Signature(fault) => fault.id(),
            Self::SignatureUnexplained => "sig-unexplained",
            Self::LostSecret => "lost-secret",
            Self::ChannelGap => "channel-gap",
        }
    }

    /// Cause of a refused change of a subscription that a tool manages, by the tool's name.
    #[must_use]
    pub fn managed_by(tool: &str) -> Self {
        Self::Managed(MANAGERS.into_iter().find(|known| *known == tool).unwrap_or("tool"))
    }

    /// Place among causes that explain the same failures of one subject: the deeper cause has the lower number and
    /// comes first.
    #[must_use]
    pub const fn depth(self) -> u8 {
        match self {
            Self::DispatchPaused | Self::StorageFull | Self::PlatformClock => 0,
            Self::SubscriptionReplaced | Self::RateLimitLowered => 1,
            Self::SubscriptionChanged => 2,
            Self::BreakerFixed | Self::BreakerFlaps => 3,
            Self::BreakerTripped | Self::SubDisabled => 4,
            Self::LostSecret | Self::Signature(_) => 5,
            Self::EventsNoScope => 7,
            Self::EndpointFailing | Self::EndpointRejectsSignature | Self::SignatureUnexplained => 8,
            Self::ChannelGap | Self::DispatchLate => 9,
            Self::EndpointNearTimeout | Self::SubscriptionDuplicate => 10,
            _ => 6,
        }
    }

    /// Returns whether the cause concerns the whole platform, whichever subject is asked about.
    #[must_use]
    pub const fn is_platform_wide(self) -> bool {
        matches!(self, Self::DispatchPaused | Self::DispatchLate | Self::StorageFull | Self::PlatformClock)
    }
}

/// Whether a cause still acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CauseState {
    /// The cause acts now.
    Now,
    /// Neither failures nor successes show whether the cause still acts.
    Unknown,
    /// Successes since the last failure show that the cause is over.
    Over,
}

impl CauseState {
    /// All three states, in the order of a report.
    pub const ALL: [Self; 3] = [Self::Now, Self::Unknown, Self::Over];

    /// Checks whether the cause is not known to be over.
    #[must_use]
    pub const fn may_be_active(self) -> bool {
        !matches!(self, Self::Over)
    }

    /// Name of the state in documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Now => "now",
            Self::Unknown => "unknown",
            Self::Over => "over",
        }
    }
}

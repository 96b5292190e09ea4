//! Wording of causes: a headline that follows the name of the subject, and the instruction that resolves the cause.

use crate::domain::cause::CauseKind;

/// Headline of a cause, to follow the name of its subject and a colon.
#[must_use]
#[expect(clippy::too_many_lines, reason = "a table with one entry for each cause")]
pub const fn headline(kind: CauseKind) -> &'static str {
    match kind {
        CauseKind::PlatformErrors => "the platform returns server errors (5xx)",
        CauseKind::DispatchPaused => "deliveries are paused by the platform itself",
        CauseKind::DispatchLate => "deliveries are due but are not sent",
        CauseKind::StorageFull => "storage is full",
        CauseKind::PlatformClock => "the platform's clock is wrong",
        CauseKind::KeyNotSent => "calls arrive without a key",
        CauseKind::KeyWrongHeader => "the key is not in X-Api-Key",
        CauseKind::KeySpaces => "the key contains white space, a line break or an invisible character",
        CauseKind::KeyTruncated => "the key is too short or too long",
        CauseKind::KeyWrongPrefix => "the key has the prefix of another service",
        CauseKind::KeyWrongCompany => "the key names a different company than the one it was issued for",
        CauseKind::KeyRepeated => "the header X-Api-Key is sent more than once",
        CauseKind::KeyMalformed => "the key is not well-formed",
        CauseKind::KeyMistyped => "the key ends like an issued key but differs before that",
        CauseKind::KeyUnknown => "no key of the company ends like the one sent",
        CauseKind::KeyWrongEnvironment => "the key belongs to a company that does not exist on this platform",
        CauseKind::KeyRevoked => "the key was revoked but is still in use",
        CauseKind::ScopeMissing => "the key lacks a scope",
        CauseKind::OtherCompany => "calls ask for data of another company",
        CauseKind::Managed(_) => "a change of a subscription that a tool manages was refused",
        CauseKind::CallInvalid => "calls have invalid values",
        CauseKind::CallMalformed => "calls have a body that is not valid JSON",
        CauseKind::CallNotFound => "calls go to a path or an id that does not exist",
        CauseKind::CallWrongMethod => "calls use a method that the path does not support",
        CauseKind::CallConflict => "an Idempotency-Key is reused with a different body",
        CauseKind::CallQuota => "a quota of the company is used up",
        CauseKind::CallTooLarge => "calls are too large",
        CauseKind::CallMediaType => "calls have a media type or encoding that is not accepted",
        CauseKind::RateLimitLowered => "the rate limit was lowered and is exceeded",
        CauseKind::RatePolling => "events are polled faster than the read limit allows",
        CauseKind::RateSharedKey => "several systems share one key and its rate limits",
        CauseKind::RateBulk => "a bulk import writes faster than the write limit allows",
        CauseKind::RateBurst => "all calls come at the start of the minute",
        CauseKind::RateRetryIgnored => "refused calls are retried at once, without waiting for Retry-After",
        CauseKind::RateLimited => "calls exceed the rate limit",
        CauseKind::BulkContended => "the platform's write queue was full (contention, not a rate limit)",
        CauseKind::BulkClientTimeout => "writes succeeded so late that the client may have given up",
        CauseKind::EventsNoScope => "the poller's key cannot read events",
        CauseKind::EventsUnknownType => "polls ask for an event type that does not exist",
        CauseKind::EventsFiltered => "polls have time filters that exclude the events that occurred",
        CauseKind::EventsSinceFuture => "polls ask for events from a time in the future",
        CauseKind::EventsPollInvalid => "polls have invalid filters",
        CauseKind::EventsCursorInvalid => "polls use a cursor that is not valid for their filters",
        CauseKind::EventsStuck => "polls read the same page again and again",
        CauseKind::EventsNotHappened => "no events occurred while the poller polled",
        CauseKind::SubDisabled => "disabled by hand",
        CauseKind::BreakerTripped => "the breaker tripped after 20 failures in a row",
        CauseKind::BreakerFixed => "still disabled after a breaker trip, although its endpoint works again",
        CauseKind::BreakerFlaps => "the breaker trips repeatedly",
        CauseKind::SubscriptionChanged => "deliveries have failed since the configuration was changed",
        CauseKind::SubscriptionDeleted => "the subscription was deleted, and no other one receives its events",
        CauseKind::SubscriptionDuplicate => "events arrive twice: two subscriptions have this target",
        CauseKind::SubscriptionReplaced => "replaced by a newer subscription with this target, but not deleted",
        CauseKind::TypeNotSubscribed => "events occurred whose type is not subscribed to",
        CauseKind::TypeWrongCase => "a subscription request was refused: its event type does not exist as written",
        CauseKind::QuietCompany => "no events occurred",
        CauseKind::EndpointErrors => "the endpoint returns errors",
        CauseKind::EndpointProxy => {
            "a proxy in front of the endpoint responds: the application behind the proxy is down"
        }
        CauseKind::EndpointSlow => "the endpoint does not answer within 10 s",
        CauseKind::EndpointRefused => "connection refused: no server on that port, or a firewall",
        CauseKind::EndpointDns => "the endpoint's host name does not resolve",
        CauseKind::EndpointTlsExpired => "the endpoint's certificate has expired",
        CauseKind::EndpointTlsName => "the endpoint's certificate is for another host name",
        CauseKind::EndpointTlsUntrusted => "the endpoint's certificate is not trusted",
        CauseKind::EndpointTls => "the TLS handshake with the endpoint fails",
        CauseKind::EndpointPrivate => "the target's address is not public, or the target is not https",
        CauseKind::EndpointBroken => "the endpoint drops connections or does not speak HTTP",
        CauseKind::EndpointWrongScheme => "the target's scheme or port is wrong",
        CauseKind::EndpointRedirects => "the endpoint answers with a redirect, which is not followed",
        CauseKind::EndpointGone => "the endpoint's path does not exist",
        CauseKind::EndpointWrongMethod => "the endpoint's path does not accept POST",
        CauseKind::EndpointTooLarge => "the endpoint refuses bodies of this size",
        CauseKind::EndpointMediaType => "the endpoint refuses the media type application/json",
        CauseKind::EndpointLimitsUs => "the endpoint limits the rate of deliveries",
        CauseKind::EndpointLogin => "the endpoint asks for a login",
        CauseKind::EndpointFirewall => "a firewall in front of the endpoint blocks deliveries",
        CauseKind::EndpointValidation => "the endpoint refuses the content of deliveries",
        CauseKind::EndpointUnexplained => "the endpoint refuses deliveries without saying why",
        CauseKind::EndpointRejectsSignature => {
            "the endpoint refuses the signature, which is valid, and does not say what it computed"
        }
        CauseKind::EndpointIntermittent => "the endpoint fails for some of its deliveries",
        CauseKind::EndpointNearTimeout => "the endpoint is slow: deliveries come close to the limit of 10 s",
        CauseKind::EndpointFailing => "deliveries fail",
        CauseKind::Signature(fault) => fault.title(),
        CauseKind::SignatureUnexplained => {
            "the receiver computes a different signature, which no known mistake explains"
        }
        CauseKind::LostSecret => "the receiver reports that it has no signing secret",
        CauseKind::ChannelGap => "events were not delivered",
    }
}

/// Instruction that resolves a cause.
#[must_use]
#[expect(clippy::too_many_lines, reason = "a table with one entry for each cause")]
pub const fn resolution(kind: CauseKind) -> &'static str {
    match kind {
        CauseKind::PlatformErrors => {
            "Look up the request IDs in the platform's log, and give them to support: callers cannot resolve this. A call answered 500 may \
             be repeated with its Idempotency-Key."
        }
        CauseKind::DispatchPaused => {
            "Restore the platform's network or name resolution. Dispatch resumes by itself; no delivery is lost and no subscription is blamed."
        }
        CauseKind::DispatchLate => {
            "Check the load and the disk of the platform's machine, and the oldest due delivery: crow deliveries list."
        }
        CauseKind::StorageFull => {
            "Free disk space or raise the database limit. Reads and deliveries in progress continue; writes are refused until then."
        }
        CauseKind::PlatformClock => {
            "Set the clock of the platform's machine by NTP. Receivers that check timestamps refuse its signatures until then."
        }
        CauseKind::KeyNotSent => {
            "Send the key in the header X-Api-Key. Proxies may drop headers: nginx drops names with underscores, such as X_Api_Key."
        }
        CauseKind::KeyWrongHeader => {
            "Send the key in the header X-Api-Key, without Bearer and not in the URL. Replace a key that was sent in a URL: URLs are \
             logged."
        }
        CauseKind::KeySpaces => {
            "Copy the key again, and strip white space and line breaks where it is read from a file or setting."
        }
        CauseKind::KeyTruncated => {
            "Copy the whole key again: 43 characters follow the company's number and an underscore. A field or column at the sender may be \
             too short."
        }
        CauseKind::KeyWrongPrefix => {
            "Use a key of this platform: it begins with wlcro_live_ or wlcro_. Check whether the key of another service is configured."
        }
        CauseKind::KeyWrongCompany => {
            "Use the key as issued: the company number is part of it and cannot be changed. For another company, create a key there."
        }
        CauseKind::KeyRepeated => "Send the header X-Api-Key once in each call.",
        CauseKind::KeyMalformed => {
            "Copy the key again: it begins with wlcro_live_, the company's number and an underscore, and 43 characters follow."
        }
        CauseKind::KeyMistyped => "Copy the key again: a character before the last four differs, or its case does.",
        CauseKind::KeyUnknown => {
            "Compare the last four characters with the list of keys. If the key was never issued here, create a new key and deploy it."
        }
        CauseKind::KeyWrongEnvironment => {
            "Check the environment: the caller has a key of another platform, such as test instead of production, or calls the wrong base URL."
        }
        CauseKind::KeyRevoked => {
            "Revocation is permanent. Create a new key with the same scopes and deploy it to the system that still sends the old one."
        }
        CauseKind::ScopeMissing => {
            "Scopes cannot be changed after a key is created, and no scope implies another. Have a key with the scopes it needs created, \
             deploy it and have the old one revoked; or use a key of the company that has the scope."
        }
        CauseKind::OtherCompany => {
            "A key can access only its own company. Use a key of the company that owns the id, or correct the id."
        }
        CauseKind::Managed(_) => {
            "Only isEnabled can be changed here. Change the target or event types, or delete the subscription, in the tool that manages \
             it: the tool replaces this subscription with a new one."
        }
        CauseKind::CallInvalid => {
            "Correct the named fields at the sender. The response's errors member says what is wrong with each field."
        }
        CauseKind::CallMalformed => {
            "Send UTF-8 JSON without duplicate names. The response's offset says where the error is."
        }
        CauseKind::CallNotFound => {
            "Compare the path with the documentation, and the id with a search: it may have been deleted."
        }
        CauseKind::CallWrongMethod => "Use a method that the response's Allow header lists.",
        CauseKind::CallConflict => {
            "Use a new Idempotency-Key for each record, and the same one only for a retry of the same body."
        }
        CauseKind::CallQuota => "Delete what is no longer used, or have the quota raised.",
        CauseKind::CallTooLarge => "Keep bodies within 1 MiB, headers within 32 KiB and URLs within 8 KiB.",
        CauseKind::CallMediaType => "Send Content-Type: application/json, without a Content-Encoding.",
        CauseKind::RateLimitLowered => "Raise the limit again, or agree on a lower rate with the caller's owner.",
        CauseKind::RatePolling => {
            "Poll every few seconds and follow nextCursor; after a 429, wait for Retry-After. Better: use webhooks, and poll only to fill gaps."
        }
        CauseKind::RateSharedKey => {
            "Rate limits apply per key. Give each system its own key with the scopes it needs, so that a busy system cannot use up the limit \
             of the others."
        }
        CauseKind::RateBulk => {
            "Spread the import over time and wait for Retry-After after a 429. Send an Idempotency-Key or external_id with each record, so that \
             retries create no duplicates. Or have the key's limit raised for the import."
        }
        CauseKind::RateBurst => {
            "Spread the calls over the minute: windows begin with the clock minute, when other scheduled jobs start too."
        }
        CauseKind::RateRetryIgnored => {
            "After a 429, wait for the number of seconds in Retry-After before the next call. Refused calls have no effect."
        }
        CauseKind::RateLimited => "Make fewer calls, wait for Retry-After after a 429, or have the key's limit raised.",
        CauseKind::BulkContended => {
            "Send fewer concurrent calls; after a 503, wait for Retry-After and double the wait each time. Send an Idempotency-Key or external_id \
             with each record, so that retries create no duplicates. A call answered 503 had no effect."
        }
        CauseKind::BulkClientTimeout => {
            "Set the client's timeout to at least 30 s. A call that timed out may have succeeded: retry it with the same Idempotency-Key or \
             external_id, which creates no duplicates."
        }
        CauseKind::EventsNoScope => {
            "Scopes cannot be changed after a key is created. Create a key with events:read for the poller, and revoke the old one when it is no longer used."
        }
        CauseKind::EventsUnknownType => {
            "Use one of the ten event types. Names are lowercase and case-sensitive: client.created, not Client.Created."
        }
        CauseKind::EventsFiltered => {
            "Remove the filters one at a time: since is inclusive, until exclusive, both in UTC. Instead of since, follow the cursor of the last \
             page: it never skips events."
        }
        CauseKind::EventsSinceFuture => {
            "Correct the time zone or the clock of the poller: since is in UTC. Better, follow the cursor of the last page: it never skips events."
        }
        CauseKind::EventsPollInvalid => {
            "Write times as RFC 3339 with a time zone, such as 2026-01-31T08:00:00Z, and make until later than since."
        }
        CauseKind::EventsCursorInvalid => {
            "Use a cursor only with the filters that it was returned for. Poll once without a cursor, then follow nextCursor."
        }
        CauseKind::EventsStuck => "Store nextCursor after each page and send it with the next poll.",
        CauseKind::EventsNotHappened => {
            "Check in the CRM that the action was done, and in this company: a key reads only its own company's events. A test event shows \
             whether polling works."
        }
        CauseKind::SubDisabled => {
            "Find out who disabled it and why (see the audit trail). If the reason no longer applies, send a test, enable it and replay missed \
             events."
        }
        CauseKind::BreakerTripped => {
            "Fix the endpoint, send tests until one succeeds, then enable the subscription and choose whether to resend missed events."
        }
        CauseKind::BreakerFixed => {
            "Enable the subscription, and resend missed events if the receiver needs them. The receiver must drop duplicates by event ID."
        }
        CauseKind::BreakerFlaps => {
            "Find out what overloads or stops the endpoint before you enable the subscription again: it failed after each enable so far. Enable it \
             without a replay first, then replay slowly."
        }
        CauseKind::SubscriptionChanged => "Restore the earlier configuration, or correct the new one, and send a test.",
        CauseKind::SubscriptionDeleted => {
            "Create the subscription again; its secret is new. Poll the events since the deletion: they have no deliveries."
        }
        CauseKind::SubscriptionDuplicate => {
            "Delete the subscription that is no longer needed, or give each its own event types."
        }
        CauseKind::SubscriptionReplaced => "Delete the old subscription: the receiver has the secret of the new one.",
        CauseKind::TypeNotSubscribed => {
            "Add the event type to the subscription (PATCH eventTypes). Only later events are sent; earlier ones can be polled."
        }
        CauseKind::TypeWrongCase => {
            "Write event types exactly as defined: lowercase, with a dot and underscores, such as client.status_changed."
        }
        CauseKind::QuietCompany => {
            "Check in the CRM that the action was done, and in this company; a test shows whether the endpoint works."
        }
        CauseKind::EndpointErrors => {
            "Ask the endpoint's owner to check its log at these times. The response body, stored with each attempt, often names the reason."
        }
        CauseKind::EndpointProxy => {
            "Ask the endpoint's owner whether the application behind the proxy runs, and how long it takes to respond."
        }
        CauseKind::EndpointSlow => {
            "Make the endpoint store the event, respond at once and do the work afterwards. The response must be complete within 10 s."
        }
        CauseKind::EndpointRefused => {
            "Check that the endpoint is running, listens on that port, and that its firewall admits the platform."
        }
        CauseKind::EndpointDns => "Check the host name in the target and its DNS records.",
        CauseKind::EndpointTlsExpired => "Renew the certificate, and check that the server loaded the new one.",
        CauseKind::EndpointTlsName => "Serve a certificate for the host name in the target, or correct the target.",
        CauseKind::EndpointTlsUntrusted => {
            "Serve the full chain of a publicly trusted authority: an intermediate certificate is often missing."
        }
        CauseKind::EndpointTls => {
            "Check the endpoint's TLS versions, ciphers and certificate, and that it demands no client certificate."
        }
        CauseKind::EndpointPrivate => {
            "Use an https:// target that is reachable from the internet; crow never connects to private addresses. For development, a \
             tunnel gives a local receiver a public address."
        }
        CauseKind::EndpointBroken => {
            "Check the proxy or load balancer in front of the endpoint: the connection ends before an HTTP response is complete."
        }
        CauseKind::EndpointWrongScheme => {
            "Correct the target: https on a port that speaks TLS, and the port that the endpoint listens on."
        }
        CauseKind::EndpointRedirects => "Set the subscription's target to the URL that the endpoint redirects to.",
        CauseKind::EndpointGone => {
            "Ask the endpoint's owner for the new path and set it as the target, or delete the subscription. 410 means gone for good."
        }
        CauseKind::EndpointWrongMethod => {
            "Set the target to the path that accepts webhooks: this path supports other methods only."
        }
        CauseKind::EndpointTooLarge => {
            "Have the endpoint's owner raise the limit for request bodies to at least 1 MiB."
        }
        CauseKind::EndpointMediaType => "Have the endpoint accept Content-Type: application/json.",
        CauseKind::EndpointLimitsUs => {
            "Have the endpoint's owner raise the limit for webhooks, or queue deliveries and answer at once. Retries wait for its Retry-After."
        }
        CauseKind::EndpointLogin => {
            "Exempt the webhook path from the login: deliveries authenticate by their signature, not by a session or password."
        }
        CauseKind::EndpointFirewall => {
            "Have the firewall admit POST requests with the platform's User-Agent to this path, and exempt the path from challenges. The firewall's log has the source addresses."
        }
        CauseKind::EndpointValidation => {
            "Have the endpoint accept the documented payload, and ignore fields that it does not know."
        }
        CauseKind::EndpointUnexplained => {
            "Ask the endpoint's owner what its log says at these times: the signature check, a login or a firewall may refuse. The signature that was sent is valid."
        }
        CauseKind::EndpointRejectsSignature => {
            "Have the receiver log the signature it computes and the bytes it signs, or run crow verify with the headers, body and secret as \
             received: it names the difference."
        }
        CauseKind::EndpointIntermittent => {
            "Ask the endpoint's owner what is special about these deliveries or times: the others succeed. Failed deliveries are retried."
        }
        CauseKind::EndpointNearTimeout => {
            "Make the endpoint store the event, respond at once and do the work afterwards, before deliveries begin to time out."
        }
        CauseKind::EndpointFailing => {
            "Send a test: the result contains the endpoint's response. Or diagnose this subscription alone, which reads its log."
        }
        CauseKind::Signature(fault) => fault.resolution(),
        CauseKind::SignatureUnexplained => {
            "Run crow verify with the headers and body as the receiver got them and the secret that it uses: it tries every known mistake."
        }
        CauseKind::LostSecret => {
            "If its owner still has the secret, configure it in the receiver. If it is lost: a secret is shown only once, so create a second \
             subscription with the same target and event types; the response contains a new secret. Configure it in the receiver, wait for the first success, then delete the old subscription. While both are enabled, \
             each event arrives twice: drop duplicates by event ID."
        }
        CauseKind::ChannelGap => {
            "Enable the subscription if it is off, then replay this period, unless enabling it resent these events. A dry run shows the counts first; the receiver must drop duplicates by event ID."
        }
    }
}

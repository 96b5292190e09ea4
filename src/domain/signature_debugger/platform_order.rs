//! Order in which the platform writes the members of events, and which of them are money.

/// Members of envelopes and payloads in the order in which the platform writes them.
const PLATFORM_MEMBER_ORDER: [&str; 44] = [
    "id",
    "type",
    "createdUtc",
    "companyId",
    "payload",
    "metadata",
    "payment_id",
    "document_id",
    "agreement_id",
    "invoice_id",
    "client_id",
    "employee_id",
    "first_name",
    "last_name",
    "full_name",
    "email",
    "phone",
    "status",
    "status_id",
    "source",
    "employee_name",
    "affiliate_id",
    "is_approved_affiliate",
    "previous_status",
    "new_status",
    "changed_date",
    "changed_by_employee_id",
    "status_note",
    "amount",
    "due_date",
    "description",
    "invoice_status",
    "total_paid",
    "balance",
    "payment_amount",
    "payment_method",
    "date_paid",
    "transaction_id",
    "amount_attempted",
    "failure_reason",
    "file_name",
    "document_type",
    "agreement_name",
    "created_date",
];

/// Position of a member in the platform's order; unknown members come last.
#[must_use]
pub fn platform_rank(name: &str) -> usize {
    PLATFORM_MEMBER_ORDER.iter().position(|member| *member == name).unwrap_or(PLATFORM_MEMBER_ORDER.len())
}

/// Returns whether a member is an amount of money, which the platform writes with two decimals.
#[must_use]
pub fn is_money(name: &str) -> bool {
    matches!(name, "amount" | "total_paid" | "balance" | "payment_amount" | "amount_attempted")
}

//! Review as one HTML page, with its style and charts inline and no external resources.

use super::chart::{ChartSeries, stacked_bars};
use super::{heading, sections, summary};
use crate::diagnose::review::PlatformReview;
use crate::domain::text::{Untrusted, escape_html};
use std::fmt::Write as _;

/// Style sheet of the page: suitable for print, follows the reader's dark or light mode.
const STYLE: &str = "\
:root{color-scheme:light dark;--ok:#2e7d32;--bad:#c62828;--calm:#3a6ea5;--warn:#b26a00;--line:#8886}\
body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1.2rem}\
h1{font-size:1.5rem;margin-bottom:0}h2{font-size:1.15rem;margin-top:2rem}\
table{border-collapse:collapse;width:100%;font-size:.92rem}th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid var(--line);overflow-wrap:anywhere}\
ul.sum{display:flex;flex-wrap:wrap;gap:.8rem;list-style:none;padding:0}ul.sum li{border:1px solid var(--line);border-radius:.4rem;padding:.4rem .8rem}\
ul.sum b{display:block;font-size:1.3rem}.advice{font-size:.92rem}.calm{opacity:.8}\
svg{width:100%;height:auto;display:block}svg text{font:11px system-ui,sans-serif;fill:currentColor}\
@media print{body{margin:0;max-width:none}h2{break-after:avoid}tr{break-inside:avoid}}";

/// Escapes text for HTML, with control characters removed.
pub(in crate::export) fn escape(text: &Untrusted) -> String {
    escape_html(&text.sanitized())
}

/// Wraps a body in a page whose content security policy forbids every external resource.
pub(in crate::export) fn html_page(title: &str, style: &str, body: &str) -> String {
    let title = escape(&Untrusted::new(title));
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n<style>{style}</style>\n</head>\n\
         <body>\n{body}</body>\n</html>\n"
    )
}

/// Writes the review as an HTML page.
#[must_use]
pub fn write_html(review: &PlatformReview) -> String {
    let heading = heading(review);
    let mut body =
        format!("<h1>Review</h1>\n<p>{}</p>\n<ul class=\"sum\">\n", escape(&Untrusted::new(heading.as_str())));
    for (what, n) in summary(review) {
        let _ = writeln!(body, "<li><b>{n}</b>{what}</li>");
    }
    body.push_str("</ul>\n");
    charts(&mut body, review);
    changes(&mut body, review);
    for section in sections(review) {
        let _ = writeln!(body, "<h2>{}</h2>", section.title);
        if section.rows.is_empty() {
            let _ = writeln!(body, "<p class=\"calm\">{}</p>", escape(&Untrusted::new(section.calm)));
            continue;
        }
        let head: String = section.head.iter().map(|head| format!("<th>{head}</th>")).collect();
        let _ = writeln!(body, "<table>\n<thead><tr>{head}</tr></thead>\n<tbody>");
        for row in &section.rows {
            let cells: String = row.iter().map(|cell| format!("<td>{}</td>", escape(cell))).collect();
            let _ = writeln!(body, "<tr>{cells}</tr>");
        }
        let advice = escape(&Untrusted::new(section.advice));
        let _ = writeln!(body, "</tbody>\n</table>\n<p class=\"advice\">{advice}</p>");
    }
    if !review.unknown.is_empty() {
        body.push_str("<h2>What could not be read</h2>\n");
        list(&mut body, &review.unknown);
    }
    html_page(&format!("Review: {heading}"), STYLE, &body)
}

fn list(body: &mut String, lines: &[String]) {
    body.push_str("<ul>\n");
    for line in lines {
        let _ = writeln!(body, "<li>{}</li>", escape(&Untrusted::new(line.as_str())));
    }
    body.push_str("</ul>\n");
}

fn changes(body: &mut String, review: &PlatformReview) {
    body.push_str("<h2>Since the last review</h2>\n");
    let at = review.frame.last_utc.map(|at| at.format("%Y-%m-%d"));
    match at {
        None => body.push_str("<p class=\"calm\">There is no earlier review to compare with.</p>\n"),
        Some(at) if review.changes.is_empty() => {
            let _ = writeln!(body, "<p class=\"calm\">No differences since {at}.</p>");
        }
        Some(at) => {
            let _ = writeln!(body, "<p>Since {at}:</p>");
            list(body, &review.changes);
        }
    }
}

fn charts(body: &mut String, review: &PlatformReview) {
    let labels: Vec<String> = review.days.iter().map(|day| day.utc.format("%m-%d")).collect();
    let series = |name, colour, of: fn(&crate::diagnose::review::ReviewDay) -> u64| ChartSeries {
        name,
        colour,
        values: review.days.iter().map(of).collect(),
    };
    let attempts = [series("succeeded", "--ok", |day| day.n_ok), series("failed", "--bad", |day| day.n_failed)];
    let requests = [
        series("other answers", "--calm", |day| day.n_requests.saturating_sub(day.n_limited + day.n_server_errors)),
        series("429", "--warn", |day| day.n_limited),
        series("5xx", "--bad", |day| day.n_server_errors),
    ];
    body.push_str("<h2>Attempts a day</h2>\n");
    body.push_str(&stacked_bars(&labels, &attempts));
    body.push_str("<h2>Requests a day</h2>\n");
    body.push_str(&stacked_bars(&labels, &requests));
}

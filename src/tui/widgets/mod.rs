//! Building blocks of screens: styles, text, tables, charts and inputs. They know no state of the console; the pager
//! alone runs a loop.

pub mod body;
pub mod chart;
pub mod detail_lines;
pub mod format;
pub mod layout;
pub mod pager;
pub mod paint;
pub mod palette;
pub mod size_class;
pub mod table;
pub mod text_input;
pub mod theme;

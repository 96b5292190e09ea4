//! Size classes of terminals.

/// Size class of the terminal, from the smallest to the largest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SizeClass {
    /// Below 40×8: only a message is shown.
    TooSmall,
    /// One list with its heading, from 40×8.
    Tiny,
    /// One list in a frame, from 56×12.
    Small,
    /// One list, its details below and a strip of the other panes, from 76×20.
    Classic,
    /// Dashboard in two columns, from 110×30.
    Normal,
    /// Dashboard with the details of the selection and the alerts, from 180×50.
    Wide,
}

impl SizeClass {
    /// All size classes, smallest first, with their minimum columns and lines.
    const NEEDS: [(Self, u16, u16); 6] = [
        (Self::TooSmall, 0, 0),
        (Self::Tiny, 40, 8),
        (Self::Small, 56, 12),
        (Self::Classic, 76, 20),
        (Self::Normal, 110, 30),
        (Self::Wide, 180, 50),
    ];

    /// Extra columns needed before a growing terminal changes to a larger class. Small enough that 80 columns are
    /// always `Classic` in either direction.
    const HYSTERESIS: u16 = 4;

    /// Size class of a terminal; `before` is its previous class. Growing needs 4 more
    /// columns than shrinking, which prevents flicker at a boundary.
    #[must_use]
    pub fn of(width: u16, height: u16, before: Option<Self>) -> Self {
        let fits = |extra: u16| {
            Self::NEEDS
                .into_iter()
                .filter(|(_, w, h)| width >= w + extra.min(*w) && height >= *h)
                .map(|(class, ..)| class)
                .next_back()
                .unwrap_or(Self::TooSmall)
        };
        let plain = fits(0);
        match before {
            Some(before) if before > Self::TooSmall && plain > before => fits(Self::HYSTERESIS).max(before),
            _ => plain,
        }
    }
}

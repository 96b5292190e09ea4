//! Three-way merge of keyed lists: local changes are applied to the present content of a file, item by item.

/// Applies the difference between `before` and `after` to `theirs`.
///
/// Items added or changed here come last in the result. An item removed here is dropped unless the file's version
/// changed; an item removed in the file is dropped unless it was changed here. If both sides changed an item, `both`
/// merges the file's value and the local one, in that order.
pub fn merge<K: PartialEq + Clone, V: PartialEq + Clone>(
    before: &[(K, V)],
    after: &[(K, V)],
    theirs: &[(K, V)],
    both: impl Fn(&V, &V) -> V,
) -> Vec<(K, V)> {
    let is_kept = |(key, value): &&(K, V)| match (find(before, key), find(after, key)) {
        (was, Some(ours)) => was == Some(ours),
        (Some(was), None) => was != value,
        (None, None) => true,
    };
    let changed = after.iter().filter(|(key, ours)| find(before, key) != Some(ours)).map(|(key, ours)| {
        let merged = match find(theirs, key) {
            Some(other) if other != ours && Some(other) != find(before, key) => both(other, ours),
            _ => ours.clone(),
        };
        (key.clone(), merged)
    });
    theirs.iter().filter(is_kept).cloned().chain(changed).collect()
}

/// Picks the local value if it changed here, otherwise the value of the file.
pub fn pick<T: PartialEq + Clone>(before: &T, after: &T, theirs: &T) -> T {
    if before == after { theirs.clone() } else { after.clone() }
}

fn find<'a, K: PartialEq, V>(list: &'a [(K, V)], key: &K) -> Option<&'a V> {
    list.iter().find(|(other, _)| other == key).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::btree_map;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    type KeyedList = Vec<(u8, u8)>;

    fn list() -> impl Strategy<Value = KeyedList> {
        btree_map(0_u8..8, 0_u8..4, 0..8).prop_map(|map| map.into_iter().collect())
    }

    proptest! {
        /// Every combination of before, here and there, per item: nothing that a person wrote after `before` is missing, and nothing that only one
        /// side removed comes back.
        #[test]
        fn i2_each_item_of_a_merge_is_what_the_two_sides_made_of_it(before in list(), after in list(), theirs in list()) {
            let both = |theirs: &u8, ours: &u8| 100 + theirs * 10 + ours;
            let merged: BTreeMap<u8, u8> = merge(&before, &after, &theirs, both).into_iter().collect();
            for key in 0..8 {
                let (was, ours, other) = (find(&before, &key), find(&after, &key), find(&theirs, &key));
                let expected = if was == ours {
                    other.copied()
                } else if was == other || ours == other {
                    ours.copied()
                } else {
                    match (other, ours) {
                        (Some(other), Some(ours)) => Some(both(other, ours)),
                        (other, ours) => other.or(ours).copied(),
                    }
                };
                prop_assert_eq!(merged.get(&key).copied(), expected, "{} of {:?} {:?} {:?}", key, before, after, theirs);
            }
        }

        #[test]
        fn i2_a_merge_never_has_an_item_twice(before in list(), after in list(), theirs in list()) {
            let merged = merge(&before, &after, &theirs, |_, ours| *ours);
            let keys: std::collections::BTreeSet<u8> = merged.iter().map(|(key, _)| *key).collect();
            prop_assert_eq!(keys.len(), merged.len());
        }
    }
}

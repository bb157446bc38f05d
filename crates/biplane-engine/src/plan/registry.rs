//! One function for every name. A state that is copied registers its functions anew, in any order, and of
//! two that claim one name (DataFusion's, by an alias, and Spark's) any would win.

use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::SessionState;
use std::collections::HashMap;
use std::sync::Arc;

/// Leaves to each name the function that is found by it now; who lost a name to another one goes.
pub fn settle(state: &mut SessionState) -> datafusion::common::Result<()> {
    let (stay, go) = parted(state.scalar_functions(), |f| names(f.name(), f.aliases()));
    go.iter().try_for_each(|name| state.deregister_udf(name).map(drop))?;
    stay.into_iter().try_for_each(|function| state.register_udf(function).map(drop))?;
    let (stay, go) = parted(state.aggregate_functions(), |f| names(f.name(), f.aliases()));
    go.iter().try_for_each(|name| state.deregister_udaf(name).map(drop))?;
    stay.into_iter().try_for_each(|function| state.register_udaf(function).map(drop))?;
    let (stay, go) = parted(state.window_functions(), |f| names(f.name(), f.aliases()));
    go.iter().try_for_each(|name| state.deregister_udwf(name).map(drop))?;
    stay.into_iter().try_for_each(|function| state.register_udwf(function).map(drop))
}

fn names(name: &str, aliases: &[String]) -> Vec<String> {
    std::iter::once(name.to_owned()).chain(aliases.iter().cloned()).collect()
}

/// Functions that have all the names they claim, and the keys of the others.
fn parted<F>(
    functions: &HashMap<String, Arc<F>>,
    names: impl Fn(&F) -> Vec<String>,
) -> (Vec<Arc<F>>, Vec<String>) {
    let whole = |function: &Arc<F>| {
        let claimed = names(function);
        claimed.iter().all(|name| functions.get(name).is_some_and(|of| Arc::ptr_eq(of, function)))
    };
    let stay = functions.values().filter(|function| whole(function)).cloned().collect();
    let go = functions.iter().filter(|(_, function)| !whole(function));
    (stay, go.map(|(name, _)| name.clone()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::execution::session_state::SessionStateBuilder;
    use datafusion_spark::SessionStateBuilderSpark;

    #[test]
    fn copies_find_the_same_functions() -> datafusion::common::Result<()> {
        let mut state =
            SessionStateBuilder::new().with_default_features().with_spark_features().build();
        settle(&mut state)?;
        assert!(state.scalar_functions().contains_key("array_contains"));
        for _ in 0..20 {
            let copy = SessionStateBuilder::new_from_existing(state.clone()).build();
            assert_eq!(copy.scalar_functions().len(), state.scalar_functions().len());
            for (name, function) in copy.scalar_functions() {
                assert!(*function == state.scalar_functions()[name], "{name}");
            }
            for (name, function) in copy.aggregate_functions() {
                assert!(*function == state.aggregate_functions()[name], "{name}");
            }
            for (name, function) in copy.window_functions() {
                assert!(*function == state.window_functions()[name], "{name}");
            }
        }
        Ok(())
    }
}

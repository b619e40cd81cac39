use std::sync::Mutex;

use super::*;

#[derive(Default)]
struct Page {
    heard: Mutex<Vec<String>>,
    is_full: bool,
}

impl Watcher for Page {
    fn deliver(&self, _: SceneId, event: &Encoded) -> Result<(), Slow> {
        if self.is_full {
            return Err(Slow);
        }
        self.heard.lock().unwrap().push(event.name.to_owned());
        Ok(())
    }

    fn dismiss(&self, _: SceneId, why: Dismissal) {
        self.heard.lock().unwrap().push(format!("{why:?}"));
    }
}

fn page() -> (Arc<Page>, Arc<dyn Watcher>) {
    let page = Arc::new(Page::default());
    (page.clone(), page)
}

fn event() -> Encoded {
    Encoded {
        seq: 2,
        name: "scanned",
        json: "{}".into(),
        is_last: false,
    }
}

const SCENE: SceneId = SceneId([7; 16]);

#[test]
fn the_last_socket_wins_and_hears_everything_after() {
    let (registry, (first, first_watcher), (second, second_watcher)) =
        (Registry::default(), page(), page());
    registry.take_over(SCENE, first_watcher.clone());
    registry.take_over(SCENE, second_watcher);
    registry.deliver(SCENE, &event());
    registry.leave(SCENE, &first_watcher);
    registry.deliver(SCENE, &event());
    assert_eq!(*first.heard.lock().unwrap(), ["TakenOver"]);
    assert_eq!(*second.heard.lock().unwrap(), ["scanned", "scanned"]);
}

#[test]
fn taking_over_from_oneself_is_no_news() {
    let (registry, (page, watcher)) = (Registry::default(), page());
    registry.take_over(SCENE, watcher.clone());
    registry.take_over(SCENE, watcher);
    assert!(page.heard.lock().unwrap().is_empty());
}

#[test]
fn a_slow_watcher_is_dropped_and_others_hear() {
    let registry = Registry::default();
    let (listener, listener_watcher) = page();
    registry.take_over(
        SCENE,
        Arc::new(Page {
            is_full: true,
            ..Page::default()
        }),
    );
    assert!(registry.listen(SCENE, listener_watcher.clone()));
    registry.deliver(SCENE, &event());
    registry.leave(SCENE, &listener_watcher);
    assert_eq!(*listener.heard.lock().unwrap(), ["scanned"]);
    assert!(registry.is_empty(), "whoever left leaves nothing behind");
}

#[test]
fn the_end_tells_everybody_and_empties_the_place() {
    let (registry, (holder, watcher), (listener, listener_watcher)) =
        (Registry::default(), page(), page());
    registry.take_over(SCENE, watcher);
    registry.listen(SCENE, listener_watcher);
    registry.finish(SCENE);
    assert_eq!(*holder.heard.lock().unwrap(), ["Finished"]);
    assert_eq!(*listener.heard.lock().unwrap(), ["Finished"]);
    assert!(registry.is_empty());
}

#[test]
fn listeners_are_bounded() {
    let registry = Registry::default();
    let kept = (0..20).filter(|_| registry.listen(SCENE, page().1)).count();
    assert_eq!(kept, MAX_LISTENERS);
}

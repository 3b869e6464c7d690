use super::{checked, first, free_place};
use hedgerow_api::types::Tile;

fn tile(instance: &str, x: u16, y: u16, w: u16, h: u16) -> Tile {
    Tile {
        instance: instance.into(),
        x,
        y,
        w,
        h,
    }
}

#[test]
fn a_new_widget_takes_the_first_gap() {
    assert_eq!(free_place(&[], (4, 4)), (0, 0));
    assert_eq!(free_place(&[tile("a", 0, 0, 4, 4)], (4, 4)), (4, 0));
    let full = [tile("a", 0, 0, 12, 2)];
    assert_eq!(free_place(&full, (4, 4)), (0, 2));
}

#[test]
fn a_layout_with_a_widget_outside_or_twice_is_refused() {
    let mut layout = first();
    layout.boards[0].tiles = vec![tile("a", 10, 0, 4, 4)];
    assert!(checked(layout.clone()).is_err());
    layout.boards[0].tiles = vec![tile("a", 0, 0, 4, 4), tile("a", 4, 0, 4, 4)];
    assert!(checked(layout.clone()).is_err());
    layout.boards[0].tiles = vec![tile("a", 0, 0, 4, 4), tile("b", 65_535, 65_535, 65_535, 1)];
    assert!(checked(layout.clone()).is_err());
    layout.boards.clear();
    assert!(checked(layout).is_err());
}

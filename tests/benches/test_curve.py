"""The picture is valid SVG and shows what it was given."""

from xml.etree import ElementTree

from benches.curve import HEIGHT, WIDTH, Axis, Curve, Mark, draw

X = Axis("seconds <of delay>", 0.0, 1.0, 0.5)
Y = Axis("share", 0.0, 1.0, 0.25, form="{:.0%}")


def test_the_picture_shows_titles_curves_and_marks() -> None:
    svg = draw("A & B", X, Y, [Curve("one", [(0.0, 1.0), (0.5, 0.5)])], [Mark("here", (0.5, 0.25))])
    texts = [element.text for element in ElementTree.fromstring(svg).iter() if element.text]
    for text in ("A & B", "seconds <of delay>", "share", "one", "here", "25%", "0.5"):
        assert text in texts


def test_what_lies_outside_is_drawn_on_the_edge() -> None:
    svg = draw("t", X, Y, [], [Mark("far", (7.0, -3.0))])
    circles = [e.attrib for e in ElementTree.fromstring(svg).iter() if e.tag.endswith("circle")]
    [circle] = circles
    assert 0 < float(circle["cx"]) < WIDTH
    assert 0 < float(circle["cy"]) < HEIGHT


def test_the_words_of_a_mark_stand_where_there_is_room() -> None:
    places = {"right": (9.0, -7.0), "left": (-9.0, -7.0), "below": (0.0, 20.0)}
    marks = [Mark(name, (0.5, 0.5), at) for name, at in places.items()]
    svg = draw("t", X, Y, [], marks)
    anchors = {
        text.text: text.get("text-anchor")
        for text in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    }
    assert [anchors[name] for name in places] == ["start", "end", "middle"]

//! Curves as SVG: small, and the same bytes for the same figures.

/// A curve.
#[derive(Debug, Clone)]
pub(crate) struct Curve {
    /// What it is of.
    pub(crate) name: String,
    /// Points from left to right.
    pub(crate) points: Vec<(f64, f64)>,
}

/// A plot with logarithmic x and a y that begins at zero.
#[derive(Debug, Clone)]
pub(crate) struct Plot {
    /// What it shows.
    pub(crate) title: String,
    /// What goes to the right.
    pub(crate) x: String,
    /// What goes up.
    pub(crate) y: String,
    /// The curves.
    pub(crate) curves: Vec<Curve>,
}

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 400.0;
/// Left, right, top, bottom.
const MARGINS: (f64, f64, f64, f64) = (70.0, 150.0, 40.0, 50.0);
const COLOURS: [&str; 4] = ["#0b6e99", "#b04a00", "#4a7a00", "#6b3fa0"];
const LINES_Y: u32 = 4;

impl Plot {
    /// The SVG.
    pub(crate) fn svg(&self) -> String {
        let frame = self.frame();
        let mut svg = String::new();
        let mut add = |line: &str| {
            svg.push_str(line);
            svg.push('\n');
        };
        add(&format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="12">"#
        ));
        add(r#"<rect width="100%" height="100%" fill="white"/>"#);
        let (left, right, top, bottom) = MARGINS;
        add(&format!(
            r#"<text x="{left}" y="22" font-size="15">{}</text>"#,
            escaped(&self.title)
        ));
        let (end, floor) = (WIDTH - right, HEIGHT - bottom);
        for line in 0..=LINES_Y {
            let value = frame.y_max * f64::from(line) / f64::from(LINES_Y);
            let y = frame.y(value);
            add(&format!(
                r##"<line x1="{left}" x2="{end}" y1="{y:.1}" y2="{y:.1}" stroke="#ddd"/>"##
            ));
            add(&format!(
                r#"<text x="{:.1}" y="{:.1}" text-anchor="end">{value:.1}</text>"#,
                left - 6.0,
                y + 4.0
            ));
        }
        for x in self.xs() {
            add(&format!(
                r#"<text x="{:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
                frame.x(x),
                floor + 18.0,
                short(x)
            ));
        }
        add(&format!(
            r#"<text x="{:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
            f64::midpoint(left, end),
            HEIGHT - 12.0,
            escaped(&self.x)
        ));
        add(&format!(
            r#"<text transform="translate(18 {:.1}) rotate(-90)" text-anchor="middle">{}</text>"#,
            f64::midpoint(top, floor),
            escaped(&self.y)
        ));
        for (number, curve) in self.curves.iter().enumerate() {
            let colour = COLOURS.get(number % COLOURS.len()).unwrap_or(&"black");
            add(&frame.curve(curve, number, colour));
        }
        add("</svg>");
        svg
    }

    fn xs(&self) -> Vec<f64> {
        let points = self.curves.iter().flat_map(|curve| &curve.points);
        let mut xs: Vec<f64> = points.map(|(x, _)| *x).collect();
        xs.sort_by(f64::total_cmp);
        xs.dedup();
        xs
    }

    fn frame(&self) -> Frame {
        let xs = self.xs();
        let ys = self.curves.iter().flat_map(|curve| &curve.points);
        let least = xs.first().copied().unwrap_or(1.0).max(f64::MIN_POSITIVE);
        let most = xs.last().copied().unwrap_or(10.0);
        Frame {
            x_least: least.log10(),
            x_most: most.max(least * 1.001).log10(),
            y_max: ys.map(|(_, y)| *y).fold(f64::MIN_POSITIVE, f64::max) * 1.1,
        }
    }
}

/// From figures to places.
struct Frame {
    x_least: f64,
    x_most: f64,
    y_max: f64,
}

impl Frame {
    fn x(&self, value: f64) -> f64 {
        let (left, right, ..) = MARGINS;
        let part = (value.log10() - self.x_least) / (self.x_most - self.x_least);
        left + part * (WIDTH - left - right)
    }

    fn y(&self, value: f64) -> f64 {
        let (_, _, top, bottom) = MARGINS;
        HEIGHT - bottom - value / self.y_max * (HEIGHT - top - bottom)
    }

    fn curve(&self, curve: &Curve, number: usize, colour: &str) -> String {
        let places = curve.points.iter();
        let places = places.map(|(x, y)| format!("{:.1},{:.1}", self.x(*x), self.y(*y)));
        let places: Vec<String> = places.collect();
        let dots = places.iter().filter_map(|place| place.split_once(','));
        let dots = dots.map(|(x, y)| format!(r#"<circle cx="{x}" cy="{y}" r="3"/>"#));
        let offset = u32::try_from(number).map_or(0.0, f64::from) * 18.0;
        format!(
            r#"<g fill="{colour}"><polyline points="{}" fill="none" stroke="{colour}" stroke-width="2"/>{}<text x="{:.1}" y="{:.1}">{}</text></g>"#,
            places.join(" "),
            dots.collect::<String>(),
            WIDTH - MARGINS.1 + 8.0,
            MARGINS.2 + 12.0 + offset,
            escaped(&curve.name)
        )
    }
}

/// `10k`, `1M`: thousands and millions that are whole.
fn short(value: f64) -> String {
    for (unit, letter) in [(1e6, "M"), (1e3, "k")] {
        if value >= unit {
            let parts = value / unit;
            let is_whole = (parts - parts.round()).abs() < 0.05;
            return if is_whole {
                format!("{parts:.0}{letter}")
            } else {
                format!("{parts:.1}{letter}")
            };
        }
    }
    format!("{value:.0}")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_stays_within_its_frame() {
        let plot = Plot {
            title: "cost < 2".into(),
            x: "entries".into(),
            y: "µs".into(),
            curves: vec![Curve {
                name: "server".into(),
                points: vec![(10_000.0, 50.0), (100_000.0, 52.0), (1_000_000.0, 60.0)],
            }],
        };
        let frame = plot.frame();
        assert!((frame.x(1e4) - MARGINS.0).abs() < 1e-6);
        assert!((frame.x(1e6) - (WIDTH - MARGINS.1)).abs() < 1e-6);
        let middle = f64::midpoint(frame.x(1e4), frame.x(1e6));
        assert!((frame.x(1e5) - middle).abs() < 1e-6, "x is logarithmic");
        assert!((frame.y(0.0) - (HEIGHT - MARGINS.3)).abs() < 1e-6);
        assert!(frame.y(60.0) > MARGINS.2);
        let svg = plot.svg();
        assert!(svg.contains("cost &lt; 2") && svg.contains(">10k<") && svg.contains(">1M<"));
        assert_eq!(svg.matches("<circle").count(), 3);
        assert_eq!(svg, plot.svg());
    }

    #[test]
    fn one_point_is_a_plot_too() {
        let plot = Plot {
            title: String::new(),
            x: String::new(),
            y: String::new(),
            curves: vec![Curve {
                name: "one".into(),
                points: vec![(1.0, 1.0)],
            }],
        };
        assert!(!plot.svg().contains("NaN") && !plot.svg().contains("inf"));
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(
            [1.0, 200.0, 1e4, 1_500.0, 1e6, 1_000_016.0].map(short),
            ["1", "200", "10k", "1.5k", "1M", "1M"]
        );
    }
}

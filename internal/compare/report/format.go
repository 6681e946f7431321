package report

import (
	"cmp"
	"math"
	"strconv"
	"strings"

	"github.com/parley-rpc/parley/internal/compare"
)

// unit is what a figure counts.
type unit int

const (
	plain    unit = iota // how many
	rate                 // calls per second
	micros               // microseconds
	octets               // bytes
	kibibyte             // KiB
	ratio                // times
)

// write is how each figure of the report is written: three digits that count, and
// whole bytes where they are few. What is exact stands beside it.
func write(v float64, u unit) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "–"
	}
	abs := math.Abs(v)
	switch u {
	case micros:
		switch {
		case v != 0 && abs < .9995:
			return digits(v*1e3) + " ns"
		case abs >= 999_500:
			return digits(v/1e6) + " s"
		case abs >= 999.5:
			return digits(v/1e3) + " ms"
		}
		return digits(v) + " µs"
	case kibibyte:
		if abs < 1023.5 && abs >= 1 || v == 0 {
			return digits(v) + " KiB"
		}
		return write(v*1024, octets)
	case octets:
		const k = 1024
		switch {
		case abs >= 1023.5*k*k:
			return digits(v/k/k/k) + " GiB"
		case abs >= 1023.5*k:
			return digits(v/k/k) + " MiB"
		case abs >= 9999.5:
			return digits(v/k) + " KiB"
		case v == math.Trunc(v):
			return grouped(strconv.FormatFloat(v, 'f', 0, 64)) + " B"
		}
		return digits(v) + " B"
	case ratio:
		return digits(v) + " ×"
	}
	return digits(v)
}

// digits writes three digits that count.
func digits(v float64) string {
	abs := math.Abs(v)
	switch {
	case v == 0:
		return "0"
	case abs < 1e-3 || abs >= 1e9:
		return strconv.FormatFloat(v, 'e', 2, 64)
	}
	if v == math.Trunc(v) && abs < 1000 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	// Rounded first: 9.996 has one digit more when it is 10.0.
	v, _ = strconv.ParseFloat(strconv.FormatFloat(v, 'e', 2, 64), 64)
	after := 2 - int(math.Floor(math.Log10(math.Abs(v))))
	return grouped(strconv.FormatFloat(v, 'f', max(after, 0), 64))
}

// grouped puts commas into the whole part of a number.
func grouped(number string) string {
	whole, rest, _ := strings.Cut(number, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if rest != "" {
		rest = "." + rest
	}
	return sign + whole + rest
}

// tick writes a round value on an axis, as short as it can be.
func tick(u unit) func(float64) string {
	return func(v float64) string {
		if u == rate || u == plain {
			for _, step := range []struct {
				from   float64
				letter string
			}{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
				if v >= step.from && v < 1000*step.from {
					return strconv.FormatFloat(v/step.from, 'g', 4, 64) + step.letter
				}
			}
		}
		if u == octets && v >= 1024 && v < 1<<20 && math.Mod(v, 1024) == 0 {
			return write(v/1024, kibibyte)
		}
		text := write(v, u)
		number, of, _ := strings.Cut(text, " ")
		if strings.Contains(number, ".") && !strings.Contains(number, "e") {
			number = strings.TrimRight(strings.TrimRight(number, "0"), ".")
		}
		return strings.TrimSpace(number + " " + of)
	}
}

// exact is a figure as the JSON has it, for those who read the report by program.
func exact(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// short is the title of a lane for a plot of all lanes; its kind of socket is left
// out if that does not tell it from another one.
func short(r *compare.Result, l *compare.Lane) string {
	name := without(l)
	for i := range r.Lanes {
		if other := &r.Lanes[i]; other.Name != l.Name && without(other) == name {
			return abbreviated(l)
		}
	}
	return name
}

// without is that title where the kind of socket is told already.
func without(l *compare.Lane) string {
	name := abbreviated(l)
	for _, socket := range []string{", TCP", ", unix", ", TLS"} {
		if rest := strings.TrimSuffix(name, socket); rest != "" {
			name = rest
		}
	}
	return name
}

func abbreviated(l *compare.Lane) string {
	return strings.NewReplacer("multiprocessing", "mp", "kolo/xmlrpc", "kolo", "unix socket", "unix", " over a ", ", ", " over ", ", ").Replace(cmp.Or(l.Title, l.Name))
}

func socketName(s string) string {
	switch s {
	case "tcp":
		return "TCP"
	case "tls":
		return "TLS"
	case "unix":
		return "unix socket"
	case "":
		return "all"
	}
	return s
}

// color is that of a family: Parley's two stand out, and others are grey.
func color(l *compare.Lane) int {
	switch l.Family {
	case "native":
		return 0
	case "xmlrpc":
		return 1
	}
	return 2
}

package chart

import (
	"slices"
	"strings"
	"unicode"
)

// textWidth is how wide a text is at most, in units: the fonts of systems differ,
// and this is for the widest of them, DejaVu Sans, with a little to spare.
func textWidth(s string) float64 {
	em := 0.0
	for _, r := range s {
		switch {
		case strings.ContainsRune("iljI|.,:;'! ()[]ft/", r):
			em += .41
		case strings.ContainsRune("mwMW@%", r):
			em += .99
		case strings.ContainsRune("DGHNOQU", r):
			em += .79
		case r >= 'A' && r <= 'Z':
			em += .71
		case strings.ContainsRune("+<=>≈≤≥~#_&…—✓✕", r):
			em += .85
		case r < 0x80:
			em += .645
		case unicode.Is(unicode.Mn, r):
		case r < 0x2000:
			em += .8
		default:
			em += 1.1
		}
	}
	return em * textSize
}

// nameWidth is that of a text in the face of names, which is heavier.
func nameWidth(s string) float64 { return 1.12 * textWidth(s) }

// wrap breaks a name that is wider than width in two, at a space or behind the slash of
// a URL if that helps, and shortens what is still too wide.
func wrap(s string, width float64) []string {
	if nameWidth(s) <= width {
		return []string{s}
	}
	best, lines := nameWidth(s), []string{s}
	for i, r := range s {
		if r != ' ' && r != '/' || i == 0 {
			continue
		}
		head := s[:i]
		if r == '/' {
			head += "/"
		}
		if w := max(nameWidth(head), nameWidth(s[i+1:])); w < best {
			best, lines = w, []string{head, s[i+1:]}
		}
	}
	for i := range lines {
		lines[i] = fit(lines[i], width/1.12)
	}
	return lines
}

// fit shortens a text in its middle until it is at most that wide: names that
// begin alike often differ at their end.
func fit(s string, width float64) string {
	if textWidth(s) <= width {
		return s
	}
	runes := []rune(s)
	for keep := min(len(runes)-1, int(width)); keep > 0; keep-- {
		head := (keep + 1) / 2
		short := string(runes[:head]) + "…" + string(runes[len(runes)-(keep-head):])
		if textWidth(short) <= width {
			return short
		}
	}
	return "…"
}

// widest is the width of the widest of some texts, at most limit.
func widest(limit float64, texts ...string) float64 {
	width := 0.0
	for _, s := range texts {
		width = max(width, textWidth(s))
	}
	return min(width, limit)
}

// spread moves labels apart that would overlap, as little as that takes. want is
// where the middle of each should be and size how long it is along the axis; lo and
// hi are where the first may begin and the last end. If there is too little room,
// they go beyond hi.
func spread(want, size []float64, lo, hi float64) []float64 {
	order := make([]int, len(want))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case want[a] < want[b]:
			return -1
		case want[a] > want[b]:
			return 1
		}
		return 0
	})
	// Labels that touch move as one group, whose place is the mean of what its
	// members want.
	type group struct {
		members     []int
		begin, size float64
		sum         float64 // of where its beginning would have to be for each member
	}
	place := func(g *group) {
		g.begin = max(min(g.sum/float64(len(g.members)), hi-g.size), lo)
	}
	var groups []group
	for _, i := range order {
		g := group{[]int{i}, 0, size[i], want[i] - size[i]/2}
		place(&g)
		for len(groups) > 0 {
			last := groups[len(groups)-1]
			if last.begin+last.size <= g.begin {
				break
			}
			g = group{append(last.members, g.members...), 0, last.size + g.size, last.sum + g.sum - float64(len(g.members))*last.size}
			place(&g)
			groups = groups[:len(groups)-1]
		}
		groups = append(groups, g)
	}
	got := make([]float64, len(want))
	for _, g := range groups {
		at := g.begin
		for _, i := range g.members {
			got[i] = at + size[i]/2
			at += size[i]
		}
	}
	return got
}

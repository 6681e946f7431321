package doctest

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Document is one Markdown file.
type Document struct {
	Path   string // slash-separated, from the root of the project
	Text   string
	Blocks []Block // its fenced code blocks, in their order
}

// Block is one fenced code block.
type Block struct {
	Document string // its path
	Heading  string // the nearest heading above it, without its marks
	Line     int    // of its opening fence, from 1
	Language string // "" if the fence names none
	Words    []Word // the rest of the fence's line
	Text     string // each line with its newline, without the indentation of the fence
}

// Word is one word after the language of a block: a name, or a name and a value.
type Word struct {
	Name, Value string
}

// String is where the block is, as compilers write places: "README.md:12".
func (b Block) String() string { return fmt.Sprintf("%s:%d", b.Document, b.Line) }

// Has reports whether the block has a word.
func (b Block) Has(name string) bool {
	for _, w := range b.Words {
		if w.Name == name {
			return true
		}
	}
	return false
}

// Value is the value of the block's first word with this name, or "".
func (b Block) Value(name string) string {
	for _, w := range b.Words {
		if w.Name == name {
			return w.Value
		}
	}
	return ""
}

// isCommand reports whether the block is typed into a shell.
func (b Block) isCommand() bool { return b.Has("run") || b.Has("start") || b.Has("restart") }

// fence is an opening line of three or more backticks or tildes.
type fence struct {
	indent int    // of spaces before it
	mark   string // the backticks or tildes
	info   string
}

// fenceIn finds a fence in a line (CommonMark 0.31, section 4.5). Deeper
// indentation than the three spaces that it allows is that of a list.
func fenceIn(line string) (fence, bool) {
	rest := strings.TrimLeft(line, " ")
	for _, c := range []string{"`", "~"} {
		info := strings.TrimLeft(rest, c)
		f := fence{indent: len(line) - len(rest), mark: rest[:len(rest)-len(info)], info: strings.TrimSpace(info)}
		if len(f.mark) >= 3 && (c == "~" || !strings.Contains(info, "`")) {
			return f, true
		}
	}
	return fence{}, false
}

// closedBy reports whether a line ends the block that f began.
func (f fence) closedBy(line string) bool {
	end, ok := fenceIn(line)
	return ok && end.info == "" && strings.HasPrefix(end.mark, f.mark)
}

// Parse reads a document. A block that nothing ends is an error.
func Parse(path, text string) (*Document, error) {
	d := &Document{Path: path, Text: text}
	var heading string
	var open *fence
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimRight(line, "\r\n")
		switch {
		case open != nil && open.closedBy(line):
			open = nil
		case open != nil:
			indent := len(line) - len(strings.TrimLeft(line, " "))
			d.Blocks[len(d.Blocks)-1].Text += line[min(open.indent, indent):] + "\n"
		default:
			if title, ok := headingIn(line); ok {
				heading = title
			}
			if f, ok := fenceIn(line); ok {
				open = &f
				d.Blocks = append(d.Blocks, newBlock(path, heading, n, f.info))
			}
		}
	}
	if open != nil {
		return nil, fmt.Errorf("doctest: %s: nothing ends this block", d.Blocks[len(d.Blocks)-1])
	}
	return d, nil
}

func newBlock(path, heading string, line int, info string) Block {
	b := Block{Document: path, Heading: heading, Line: line}
	for i, word := range strings.Fields(info) {
		if i == 0 {
			b.Language = word
			continue
		}
		name, value, _ := strings.Cut(word, "=")
		b.Words = append(b.Words, Word{name, value})
	}
	return b
}

// headingIn is the title in a line that begins with one to six "#" and a space.
func headingIn(line string) (string, bool) {
	rest := strings.TrimLeft(line, "#")
	if n := len(line) - len(rest); n < 1 || n > 6 || !strings.HasPrefix(rest, " ") {
		return "", false
	}
	return strings.TrimSpace(rest), true
}

// Headings are the titles of the document's headings, in their order.
func (d *Document) Headings() []string {
	var titles []string
	for line := range strings.Lines(d.Prose()) {
		if title, ok := headingIn(strings.TrimRight(line, "\r\n")); ok {
			titles = append(titles, title)
		}
	}
	return titles
}

// Prose is the text without its code blocks, each of whose lines is empty.
func (d *Document) Prose() string {
	var b strings.Builder
	var open *fence
	for line := range strings.Lines(d.Text) {
		bare := strings.TrimRight(line, "\r\n")
		f, ok := fenceIn(bare)
		switch {
		case open != nil && open.closedBy(bare):
			open = nil
		case open != nil:
		case ok:
			open = &f
		default:
			b.WriteString(line)
			continue
		}
		b.WriteString("\n")
	}
	return b.String()
}

// Load reads all documents below root: every file named *.md, modules within
// the project included. Hidden folders, testdata and what npm installs are none
// of the project's documents.
func Load(root string) ([]*Document, error) {
	var docs []*Document
	err := filepath.WalkDir(root, func(full string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() {
			if full != root && strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules" {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".md") {
			return nil
		}
		rel, err := filepath.Rel(root, full)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(full)
		if err != nil {
			return err
		}
		d, err := Parse(filepath.ToSlash(rel), string(text))
		if err != nil {
			return err
		}
		docs = append(docs, d)
		return nil
	})
	return docs, err
}

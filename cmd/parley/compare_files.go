package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/parley-rpc/parley/cmd/parley/internal/terminal"
	"github.com/parley-rpc/parley/cmd/parley/internal/usage"
	"github.com/parley-rpc/parley/internal/compare"
	pages "github.com/parley-rpc/parley/internal/compare/report"
)

// compareFiles are where a comparison is written to.
type compareFiles struct {
	JSON string `name:"json" placeholder:"FILE" help:"Write everything as JSON."`
	CSV  string `name:"csv" placeholder:"FILE" help:"Write a line for each row as CSV."`
	HTML string `name:"html" placeholder:"FILE" help:"Write the report, with plots, as one HTML file that needs nothing else."`
	SVG  string `name:"svg" placeholder:"FILE" help:"Write one plot as an SVG."`
	Plot string `placeholder:"NAME" help:"Which plot --svg writes; a wrong name is told with those that there are. Default: calls."`
}

// outFile is one of them.
type outFile struct {
	flag  string
	path  string // "-" is standard output
	write func(io.Writer, *compare.Result) error

	to   *os.File // a new file beside path, or what path is if that is no file
	temp bool     // to is that new file
}

// outFiles are all that were asked for.
type outFiles struct {
	files  []*outFile
	out    io.Writer
	stdout bool // one of them is standard output
}

// open makes sure, before anything is measured, that all files can be written.
// Nothing is changed in those that are there.
func (c *compareCommand) open(stdout io.Writer) (files *outFiles, err error) {
	files = &outFiles{out: stdout}
	defer func() {
		if err != nil {
			files.discard()
		}
	}()
	paths := map[string]string{}
	for _, f := range []*outFile{
		{flag: "--json", path: c.JSON, write: compare.WriteJSON},
		{flag: "--csv", path: c.CSV, write: compare.WriteCSV},
		{flag: "--html", path: c.HTML, write: pages.HTML},
		{flag: "--svg", path: c.SVG, write: func(w io.Writer, r *compare.Result) error { return pages.Plot(w, r, c.Plot) }},
	} {
		if f.path == "" {
			continue
		}
		if f.path == "-" {
			if c.AsJSON() {
				return files, usage.Errorf("%s - and --output json both want standard output", f.flag)
			}
			files.stdout = true
		}
		name := f.path
		if abs, err := filepath.Abs(name); err == nil && name != "-" {
			name = abs
		}
		if other, ok := paths[name]; ok {
			return files, usage.Errorf("%s and %s both want %s", other, f.flag, f.path)
		}
		paths[name] = f.flag
		if err := f.open(); err != nil {
			return files, usage.Errorf("%s: %v", f.flag, err)
		}
		files.files = append(files.files, f)
	}
	if files.stdout && c.Baseline != "" && c.CSV == "-" {
		return files, usage.Errorf("--csv - leaves no room for what --baseline tells")
	}
	return files, nil
}

// open opens what f will be written to.
func (f *outFile) open() error {
	if f.path == "-" {
		return nil
	}
	mode := fs.FileMode(0o666) // what the user's mask leaves of it
	switch info, err := os.Stat(f.path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case info.IsDir():
		return &fs.PathError{Op: "write", Path: f.path, Err: errors.New("is a directory")}
	case !info.Mode().IsRegular(): // /dev/null, a pipe
		to, err := os.OpenFile(f.path, os.O_WRONLY, 0)
		f.to = to
		return err
	default:
		// Renamed over it, a new file would do what the old one does not allow.
		old, err := os.OpenFile(f.path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		old.Close()
		mode = info.Mode().Perm()
		if f.path, err = filepath.EvalSymlinks(f.path); err != nil {
			return err
		}
	}
	name := fmt.Sprintf(".%s.%08x", filepath.Base(f.path), rand.Uint32())
	to, err := os.OpenFile(filepath.Join(filepath.Dir(f.path), name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	f.to, f.temp = to, err == nil
	return err
}

// write writes all of them, standard output last. What has been asked for and
// cannot be written is an error, but only after the others are.
func (o *outFiles) write(r *compare.Result) error {
	var errs []error
	for _, f := range o.files {
		if f.path != "-" {
			if err := f.finish(r); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", f.flag, err))
			}
		}
	}
	for _, f := range o.files {
		if f.path == "-" {
			errs = append(errs, f.write(o.out, r))
		}
	}
	return errors.Join(errs...)
}

// finish writes a file, which then appears at its path complete.
func (f *outFile) finish(r *compare.Result) error {
	var text bytes.Buffer
	if err := f.write(&text, r); err != nil {
		return err
	}
	_, err := f.to.Write(text.Bytes())
	if err = cmp.Or(err, f.to.Close()); err != nil || !f.temp {
		return err
	}
	if err := os.Rename(f.to.Name(), f.path); err != nil {
		return err
	}
	f.temp = false
	return nil
}

// discard removes what was not finished.
func (o *outFiles) discard() {
	for _, f := range o.files {
		if f.to != nil {
			f.to.Close()
		}
		if f.temp {
			os.Remove(f.to.Name())
		}
	}
}

// tableStyle is that of a table that is written to w.
func tableStyle(w io.Writer) compare.Style {
	p := terminal.NewPainter(w)
	return compare.Style{Width: terminal.Width(w), Heading: p.Header, Warning: p.Warning, Best: p.Success}
}

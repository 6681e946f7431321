package demo

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// interviewed asks everybody on a stage, and returns how many answers were wrong and
// what was printed of them.
func interviewed(t *testing.T) (wrong int, printed string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var stderr, out bytes.Buffer
	s, err := openStage(ctx, &stderr)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	wrong = s.interview(ctx, &out)
	return wrong, out.String()
}

// Without python3 the demo does what it can, and says so.
func TestDemoWithoutPython(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if wrong, out := interviewed(t); wrong != 0 || strings.Count(out, "ok ") != 15 || !strings.Contains(out, "no python3 in the PATH") {
		t.Errorf("%d wrong answers:\n%s", wrong, out)
	}
}

// A Python that gives wrong answers, or none, is found out.
func TestDemoFindsWrongAnswers(t *testing.T) {
	for name, script := range map[string]string{
		"wrong":  `case "$2" in *version*) echo 3.12.0;; *) echo '[8, "HelloWorld", [1,2,3,4], {"binary": "AA=="}, "-32602: nothing"]';; esac`,
		"silent": `case "$2" in *version*) echo 3.12.0;; *) exit 1;; esac`,
		"types":  `case "$2" in *version*) echo 3.12.0;; *) echo '["8", 1, {}, "x", 5]';; esac`,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "python3"), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
				t.Fatal(err)
			}
			t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
			wrong, out := interviewed(t)
			want := 2 * map[string]int{"wrong": 3, "silent": 5, "types": 5}[name]
			if wrong != want || strings.Count(out, "ok ") != 25-want {
				t.Errorf("%d wrong answers; want %d:\n%s", wrong, want, out)
			}
		})
	}
}

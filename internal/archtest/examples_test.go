package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// isPublic reports whether the package in a folder is one that programs import.
func isPublic(dir string) bool {
	top, _, _ := strings.Cut(dir, "/")
	return slices.Contains([]string{"rpc", "auth", "services"}, top) && !strings.Contains(dir, "/internal/")
}

// shownBy are entry points without an example of their own name, by package and
// name: another example that shows them, or why there is none.
var shownBy = map[string]string{
	"auth.GenerateKey":       "ExampleLoadKey",
	"auth.KeyConfig":         "ExampleNewKey",
	"auth.CredentialsConfig": "ExampleNewCredentials",
	"auth.Entry":             "ExampleNewCredentials",

	"rpc.CollectUpload": forTransports,
	"rpc.DeliverItem":   forTransports,
	"rpc.TakeUpload":    forTransports,
	"rpc.WithPeer":      forTransports,
	"rpc.ValuesOf":      "ExampleDeliver",
	"rpc.Except":        "ExampleMethodOptions",
	"rpc.Only":          "ExampleMethodOptions",
	"rpc.Func0":         "ExampleFunc2",
	"rpc.Func1":         "ExampleFunc2",
	"rpc.Func3":         "ExampleFunc2",
	"rpc.Stub0":         "ExampleStub2",
	"rpc.Stub1":         "ExampleStub2",
	"rpc.Stub3":         "ExampleStub2",
	"rpc.MetaFrom":      "ExampleWithMeta",
	"rpc.TokenConfig":   "ExampleNewTokenCaller",

	"rpc/native.Conn":         "ExampleListen",
	"rpc/native.ConnConfig":   "ExampleListen",
	"rpc/native.DialConn":     "ExampleListen",
	"rpc/native.ListenConfig": "ExampleListen",

	"rpc/native/pickle.Clock":         "ExampleDate",
	"rpc/native/pickle.ZoneClock":     "ExampleDate",
	"rpc/native/pickle.EncodeOptions": "ExampleAppend",
	"rpc/native/pickle.Options":       "ExampleDecode",
	"rpc/native/pickle.Encoder":       "writes part by part what Append writes at once: ExampleAppend",
	"rpc/native/pickle.NewEncoder":    "writes part by part what Append writes at once: ExampleAppend",

	"rpc/native/python.ClientConfig":  "ExampleDial",
	"rpc/native/python.Config":        "ExampleNewHandler",
	"rpc/native/python.ManagerConfig": "ExampleDialManager",
	"rpc/native/python.Proxy":         "ExampleDialManager",
	"rpc/native/python.Thread":        "is for locks of a Python program, which an example has not: its comment has the lines",

	"rpc/rpctest.Run": "wants a *testing.T, so that ExampleRun is compiled and not run",

	"rpc/value.ClipLines":      "ExampleClip",
	"rpc/value.DecodeAny":      "ExampleDecode",
	"rpc/value.NewSource":      "ExampleDecode",
	"rpc/value.Encode":         forCodecs,
	"rpc/value.FaultParts":     forCodecs,
	"rpc/value.IsText":         forCodecs,
	"rpc/value.Mismatch":       forCodecs,
	"rpc/value.NewTypedSource": forCodecs,
	"rpc/value.NewTypes":       forCodecs,
	"rpc/value.Types":          forCodecs,
	"rpc/value.Sticky":         forCodecs,
	"rpc/value.Word":           forCodecs,

	"rpc/xmlrpc/xmlvalue.AppendElement":    "ExampleAppendListOpen",
	"rpc/xmlrpc/xmlvalue.AppendFaultValue": "ExampleAppendListOpen",
	"rpc/xmlrpc/xmlvalue.AppendListClose":  "ExampleAppendListOpen",

	"services/catalog.Catalog":     "ExampleRegister",
	"services/catalog.New":         "ExampleRegister",
	"services/validator1.Register": "ExampleCheck",
}

// What no program calls but one that brings a transport or a codec of its own.
const (
	forTransports = "for a transport of its own; rpc/native and rpc/xmlrpc show it"
	forCodecs     = "for a codec of its own; rpc/native/cbor shows it"
)

// Each way into a public package has an example, which its documentation shows
// and which is run. The ways in are the exported functions, but for methods, and
// the exported structs that do something (have other methods than those of an
// error) or that configure something (Config, Options, Limits). An example of a
// struct is one of the struct, of a method, or of a function that returns it, and
// is one of these functions as well.
func TestEntryPointsHaveExamples(t *testing.T) {
	examples := map[string]map[string]bool{} // by package: Example names, without "Example"
	packages := map[string][]goFile{}
	for _, f := range goFiles(t) {
		if !isPublic(f.dir()) {
			continue
		}
		if !f.isTest() {
			packages[f.dir()] = append(packages[f.dir()], f)
			continue
		}
		if examples[f.dir()] == nil {
			examples[f.dir()] = map[string]bool{}
		}
		for _, name := range examplesIn(f) {
			examples[f.dir()][name] = true
		}
	}
	if len(packages) < 12 {
		t.Errorf("got %d public packages; want rpc, auth, services and what is below them", len(packages))
	}
	used := map[string]bool{}
	for dir, files := range packages {
		for _, e := range entryPoints(files) {
			if e.in(examples[dir]) {
				continue
			}
			key := dir + "." + e.name
			by, ok := shownBy[key]
			used[key] = ok
			switch name, isExample := strings.CutPrefix(by, "Example"); {
			case !ok:
				t.Errorf("%s has no example: write func Example%s, or put it into the list with what shows it", key, e.name)
			case isExample && !examples[dir][name]:
				t.Errorf("%s: there is no func %s in %s", key, by, dir)
			}
		}
	}
	for key := range shownBy {
		if !used[key] {
			t.Errorf("%s has an example by now, or is gone: take it off the list", key)
		}
	}
}

// examplesIn lists what the examples of a file are named after. Those that are
// not run, without an output, do not count.
func examplesIn(f goFile) []string {
	var names []string
	for _, decl := range f.ast.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok || fn.Recv != nil || fn.Body == nil {
			continue
		}
		name, ok := strings.CutPrefix(fn.Name.Name, "Example")
		if !ok {
			continue
		}
		for _, c := range f.ast.Comments {
			if c.Pos() > fn.Body.Pos() && c.End() < fn.Body.End() && strings.Contains(strings.ToLower(c.Text()), "output:") {
				names = append(names, name)
				break
			}
		}
	}
	return names
}

// entryPoint is a way into a package.
type entryPoint struct {
	name string
	also []string // a struct and the functions that return it
}

// in reports whether an example is named after e, or what belongs to it; each
// with or without a suffix.
func (e entryPoint) in(examples map[string]bool) bool {
	for name := range examples {
		base, _, _ := strings.Cut(name, "_")
		if base == e.name || slices.Contains(e.also, base) {
			return true
		}
	}
	return false
}

func entryPoints(files []goFile) []entryPoint {
	funcs := map[string][]string{} // exported, with the types that they return
	structs, methods, makes := map[string]bool{}, map[string]bool{}, map[string][]string{}
	for _, f := range files {
		for _, decl := range f.ast.Decls {
			switch d := decl.(type) {
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if s, ok := spec.(*ast.TypeSpec); ok && d.Tok == token.TYPE && s.Name.IsExported() {
						if _, ok := s.Type.(*ast.StructType); ok {
							structs[s.Name.Name] = true
						}
					}
				}
			case *ast.FuncDecl:
				switch {
				case !d.Name.IsExported():
				case d.Recv != nil:
					if !slices.Contains([]string{"Error", "Unwrap", "Is", "String", "LogValue"}, d.Name.Name) {
						methods[typeName(d.Recv.List[0].Type)] = true
					}
				default:
					funcs[d.Name.Name] = nil
					if d.Type.Results != nil {
						for _, r := range d.Type.Results.List {
							made := typeName(r.Type)
							funcs[d.Name.Name] = append(funcs[d.Name.Name], made)
							makes[made] = append(makes[made], d.Name.Name)
						}
					}
				}
			}
		}
	}
	var all []entryPoint
	for name, made := range funcs {
		made = slices.DeleteFunc(made, func(name string) bool { return !structs[name] })
		all = append(all, entryPoint{name, made})
	}
	for name := range structs {
		configures := strings.HasSuffix(name, "Config") || strings.HasSuffix(name, "Options") || strings.HasSuffix(name, "Limits")
		if methods[name] || configures {
			all = append(all, entryPoint{name, makes[name]})
		}
	}
	slices.SortFunc(all, func(a, b entryPoint) int { return strings.Compare(a.name, b.name) })
	return all
}

// typeName is the name of T in T, *T and T[P].
func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return typeName(e.X)
	case *ast.IndexExpr:
		return typeName(e.X)
	case *ast.Ident:
		return e.Name
	}
	return fmt.Sprintf("%T", e)
}

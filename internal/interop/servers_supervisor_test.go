package interop

import (
	"context"
	"fmt"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// supervisorServer is the process control system supervisor, on a unix socket behind
// a name and a password.
func supervisorServer() server {
	return server{
		name:     "supervisor",
		language: "Python", library: "supervisor, on a unix socket",
		packages: []string{"supervisor"},
		version:  debian("supervisor"),
		notes: []string{
			"The URL is `http+unix:///run/supervisor.sock:/RPC2`, with User and Password of the ClientConfig; a wrong password is HTTP status 401, which Is a fault with `rpc.CodeNotAuthenticated`.",
			"`system.multicall` answers results without the list around each that others have: set `Unwrapped` of `rpc.Multicaller`.",
			"`system.methodSignature` answers one signature, not a list of signatures. An unknown method is fault 1, BAD_NAME fault 10, NOT_RUNNING fault 70; a wrong kind of argument may be HTTP status 500.",
			"`startProcess` answers when the process has run for its startsecs; give the call a deadline beyond that. Logs of a process that does not run are not cleared, though `clearProcessLogs` answers true.",
		},
		unix:   true,
		config: xmlrpc.ClientConfig{User: "parley", Password: "gr:üße"},
		steps: []step{
			calls("version", "supervisor.getAPIVersion"),
			{"state", superviseState},
			calls("before the start", "supervisor.getProcessInfo", "nobody"),
			{"all processes", processes},
			calls("start", "supervisor.startProcess", "hello"),
			calls("start again", "supervisor.startProcess", "hello"),
			calls("start what fails", "supervisor.startProcess", "absent"),
			{"a process that runs", processes},
			{"its output", func(s *session) string {
				s.await("the output of a process", func(c rpc.Caller) bool {
					text, err := rpc.Invoke[string](s.ctx, c, "supervisor.readProcessStdoutLog", "hello", 0, 0)
					return err == nil && text == helloOutput
				})
				return s.call("supervisor.readProcessStdoutLog", "hello", 0, 0)
			}},
			calls("the end of its output", "supervisor.tailProcessStdoutLog", "hello", 0, 12),
			calls("standard input", "supervisor.sendProcessStdin", "hello", "ünï\n"),
			calls("a signal that there is not", "supervisor.signalProcess", "hello", "NONE"),
			calls("clear the log", "supervisor.clearProcessLogs", "hello"),
			calls("log that is empty", "supervisor.readProcessStdoutLog", "hello", 0, 0),
			calls("stop", "supervisor.stopProcess", "hello"),
			calls("stop again", "supervisor.stopProcess", "hello"),
			calls("start without waiting", "supervisor.startProcess", "hello", false),
			{"stop all", func(s *session) string {
				s.await("the start of a process", func(c rpc.Caller) bool {
					p, err := rpc.Invoke[process](s.ctx, c, "supervisor.getProcessInfo", "hello")
					text, unread := rpc.Invoke[string](s.ctx, c, "supervisor.readProcessStdoutLog", "hello", 0, 0)
					return err == nil && unread == nil && p.StateName == "RUNNING" && text == helloOutput
				})
				type stopped struct {
					Name   string `rpc:"name"`
					Status int    `rpc:"status"`
				}
				list, err := rpc.Invoke[[]stopped](s.ctx, s.client, "supervisor.stopAllProcesses")
				return fmt.Sprintf("%v %v", list, err)
			}},
			calls("clear the log of what does not run", "supervisor.clearProcessLogs", "hello"),
			calls("log that is there still", "supervisor.readProcessStdoutLog", "hello", 0, 0),
			calls("unknown process", "supervisor.startProcess", "nobody"),
			calls("unknown method", "supervisor.noSuch"),
			calls("too few arguments", "supervisor.startProcess"),
			calls("wrong kind", "supervisor.readProcessStdoutLog", "hello", "zero", 1),
			{"methods", func(s *session) string {
				names, err := rpc.Invoke[[]string](s.ctx, s.client, "system.listMethods")
				return fmt.Sprint(len(names), " ", names, " ", err)
			}},
			calls("system.methodSignature", "system.methodSignature", "supervisor.startProcess"),
			{"system.methodHelp", func(s *session) string {
				return s.call("system.methodHelp", "supervisor.stopProcess")
			}},
			calls("system.multicall", "system.multicall", []element{
				{"supervisor.getAPIVersion", []any{}},
				{"supervisor.startProcess", []any{"nobody"}},
				{"no.such", []any{}},
				{"supervisor.getIdentification", []any{}},
			}),
			together(
				true,
				rpc.Element{Method: "supervisor.getAPIVersion"},
				rpc.Element{Method: "supervisor.startProcess", Args: rpc.Values{"nobody"}},
				rpc.Element{Method: "supervisor.tailProcessStdoutLog", Args: rpc.Values{"absent", 0, 10}},
				rpc.Element{Method: "supervisor.getIdentification"},
			),
			together(false, rpc.Element{Method: "supervisor.getAPIVersion"}),
			{"wrong password", func(s *session) string {
				c := s.dial(xmlrpc.ClientConfig{User: "parley", Password: "wrong"})
				return tell(rpc.Invoke[any](s.ctx, c, "supervisor.getState"))
			}},
			{"no password", func(s *session) string {
				return tell(rpc.Invoke[any](s.ctx, s.dial(xmlrpc.ClientConfig{}), "supervisor.getState"))
			}},
			{"password in the header of the client", func(s *session) string {
				return tell(rpc.Invoke[string](s.ctx, s.dial(s.config), "supervisor.getIdentification"))
			}},
		},
	}
}

// supervisorInetServer is supervisor on a port.
func supervisorInetServer() server {
	return server{
		name:     "supervisor-inet",
		language: "Python", library: "supervisor, on a port",
		packages: []string{"supervisor"},
		version:  debian("supervisor"),
		notes: []string{
			"As on a unix socket. It answers at the paths below `/RPC2` too.",
		},
		config: xmlrpc.ClientConfig{User: "parley", Password: "secret"},
		steps: []step{
			{"state", superviseState},
			calls("unknown process", "supervisor.startProcess", "nobody"),
			{"wrong password", func(s *session) string {
				c := s.dial(xmlrpc.ClientConfig{User: "parley", Password: "wrong"})
				return tell(rpc.Invoke[any](s.ctx, c, "supervisor.getState"))
			}},
			{"another path", func(s *session) string {
				there := newClient(s.t, s.url+"/elsewhere", s.config)
				return tell(rpc.Invoke[any](s.ctx, there, "supervisor.getAPIVersion"))
			}},
			calls("call after all that", "supervisor.getIdentification"),
		},
	}
}

// helloOutput is what the program of the tests prints.
const helloOutput = "Grüße <b>&amp;</b> \"x\" ]]> 世界 🌍\nsecond line\n"

// process is what supervisor tells of a process, as far as it stays the same.
type process struct {
	Name      string `rpc:"name"`
	Group     string `rpc:"group"`
	State     int    `rpc:"state"`
	StateName string `rpc:"statename"`
	Exit      int    `rpc:"exitstatus"`
	SpawnErr  string `rpc:"spawnerr"`
	PID       int    `rpc:"pid"`
	Start     int64  `rpc:"start"`
	Now       int64  `rpc:"now"`
}

// supervisorAPI is a part of supervisor's functions.
type supervisorAPI struct {
	Supervisor struct {
		GetState func(context.Context) (struct {
			Code int    `rpc:"statecode"`
			Name string `rpc:"statename"`
		}, error) `rpc:"getState"`
		GetAllProcessInfo func(context.Context) ([]process, error) `rpc:"getAllProcessInfo"`
	} `rpc:"supervisor"`
}

func superviseState(s *session) string {
	var api supervisorAPI
	if err := rpc.Bind(s.client, &api); err != nil {
		return err.Error()
	}
	state, err := api.Supervisor.GetState(s.ctx)
	return fmt.Sprintf("%+v %v", state, err)
}

// processes tells of all processes, and of their numbers and times whether there
// are any.
func processes(s *session) string {
	var api supervisorAPI
	if err := rpc.Bind(s.client, &api); err != nil {
		return err.Error()
	}
	list, err := api.Supervisor.GetAllProcessInfo(s.ctx)
	if err != nil {
		return err.Error()
	}
	text := ""
	for _, p := range list {
		text += fmt.Sprintf("%s:%s %d %s, exit %d, error %q, pid %t, started %t, asked %t; ",
			p.Group, p.Name, p.State, p.StateName, p.Exit, p.SpawnErr, p.PID > 0, p.Start > 0, p.Now > 0)
	}
	return text
}

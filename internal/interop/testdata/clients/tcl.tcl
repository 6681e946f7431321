# A client made with tcl-xmlrpc.
package require xmlrpc
fconfigure stdout -encoding utf-8

if {![regexp {^(http://[^/]+)(/.*)$} [lindex $argv 0] - server path]} {
	exit 2
}

# The library writes to stderr why a call failed, and raises an error without text.
proc xmlrpc::warn {msg} {
	lappend ::why $msg
}

# line prints a case and its outcome on one line, at most so many characters.
proc line {name outcome text most} {
	regsub -all {\s} $text " " text
	puts "$name\t$outcome\t[string range $text 0 $most-1]"
}

proc call {name method params want} {
	set ::why {}
	if {[catch {xmlrpc::call $::server $::path $method $params} answer]} {
		line $name error [lindex [concat $::why [list $answer]] 0] 120
		return
	}
	# It returns faults as it does values, and text as it stands in the document.
	set answer [lindex $answer 1]
	set fault [xmlrpc::assoc faultString $answer]
	if {$answer == $want} { # 1e+300 and 1e300 are equal
		puts "$name\tok"
	} elseif {$name ne "fault" && $fault ne ""} {
		line $name error [lindex $fault 1] 120
	} else {
		line $name got $answer 80
	}
}

# check sends a value, which is a pair of a type and a text, and takes it back.
proc check {name value {want {}}} {
	if {$want eq {}} {
		set want [lindex $value 1]
	}
	call $name see [list [list string $name] $value] $want
}

for {set i 0} {$i < 300} {incr i} {
	append binary [format %c [expr {$i % 256}]]
}
# A struct is the name of an array.
array set four {four {double 4.5}}
array set empty {}
array set nested {
	list {array {{int 1} {array {{int 2} {string three}}} {struct four}}}
	none {array {}}
	empty {struct empty}
}

check int-max {int 2147483647}
check int-min {int -2147483648}
check i8 {int 1099511627776}
check double {double 1e300}
check fraction {double 0.1}
check unicode [list string "Grüße <b>&amp;</b> \"x\" 'y' \]\]> 世界 🌍"]
check spaces [list string " two  spaces, line\nand\ttab "]
check empty {string ""}
check true {boolean 1}
check false {boolean 0}
line nil cannot "there is no nil" 80
check date {dateTime.iso8601 20240229T13:45:06}
check binary [list base64 [binary encode base64 $binary]]
check nested {struct nested} {{empty {}} {list {1 {2 three} {{four 4.5}}}} {none {}}}
call none nothing {} nothing
call fault refuse {{string please}} {{faultCode 42} {faultString {no <luck> & more}}}

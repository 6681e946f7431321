// Package archtest holds the rules of the house that a compiler does not know,
// as tests over the files of the module: who may import whom, how long a file
// may be, that the documents tell the truth about the code.
package archtest

package pickle

// The opcodes (CPython, Lib/pickle.py), by the protocol that brought them.
const (
	opMark           = '('
	opStop           = '.'
	opPop            = '0'
	opPopMark        = '1'
	opDup            = '2'
	opFloat          = 'F' // decimal, newline
	opInt            = 'I' // decimal, newline; "00" and "01" are booleans
	opBinInt         = 'J' // int32, little-endian like all numbers below
	opBinInt1        = 'K' // uint8
	opLong           = 'L' // decimal, newline
	opBinInt2        = 'M' // uint16
	opNone           = 'N'
	opPersID         = 'P'
	opBinPersID      = 'Q'
	opReduce         = 'R' // class, tuple -> object
	opString         = 'S' // quoted and escaped as in Python, newline
	opBinString      = 'T' // int32 length
	opShortBinString = 'U' // uint8 length
	opUnicode        = 'V' // raw-unicode-escape, newline
	opBinUnicode     = 'X' // uint32 length, UTF-8
	opAppend         = 'a'
	opBuild          = 'b' // object, state -> object
	opGlobal         = 'c' // module, newline, name, newline
	opDict           = 'd'
	opEmptyDict      = '}'
	opAppends        = 'e'
	opGet            = 'g' // decimal, newline
	opBinGet         = 'h' // uint8
	opInst           = 'i' // module, newline, name, newline
	opLongBinGet     = 'j' // uint32
	opList           = 'l'
	opEmptyList      = ']'
	opObj            = 'o'
	opPut            = 'p' // decimal, newline
	opBinPut         = 'q' // uint8
	opLongBinPut     = 'r' // uint32
	opSetItem        = 's'
	opTuple          = 't'
	opEmptyTuple     = ')'
	opSetItems       = 'u'
	opBinFloat       = 'G' // float64, big-endian

	// Protocol 2.
	opProto    = 0x80 // uint8
	opNewObj   = 0x81 // class, tuple -> object
	opExt1     = 0x82
	opExt2     = 0x83
	opExt4     = 0x84
	opTuple1   = 0x85
	opTuple2   = 0x86
	opTuple3   = 0x87
	opNewTrue  = 0x88
	opNewFalse = 0x89
	opLong1    = 0x8a // uint8 length, two's complement
	opLong4    = 0x8b // int32 length

	// Protocol 3.
	opBinBytes      = 'B' // uint32 length
	opShortBinBytes = 'C' // uint8 length

	// Protocol 4.
	opShortBinUnicode = 0x8c // uint8 length
	opBinUnicode8     = 0x8d // uint64 length
	opBinBytes8       = 0x8e // uint64 length
	opEmptySet        = 0x8f
	opAddItems        = 0x90
	opFrozenSet       = 0x91
	opNewObjEx        = 0x92 // class, tuple, dict -> object
	opStackGlobal     = 0x93 // module, name -> class
	opMemoize         = 0x94
	opFrame           = 0x95 // uint64 length

	// Protocol 5.
	opByteArray8     = 0x96 // uint64 length
	opNextBuffer     = 0x97
	opReadonlyBuffer = 0x98
)

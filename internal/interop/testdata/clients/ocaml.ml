(* A client made with XmlRpc Light. *)

let client = new XmlRpc.client Sys.argv.(1)

(* line prints a case and its outcome on one line, at most so many characters. *)
let line name outcome text most =
  let b = Buffer.create 80 in
  let left = ref most in
  String.iter
    (fun c ->
      (* a character of UTF-8 has one byte that is not of the form 10xxxxxx *)
      if Char.code c land 0xc0 <> 0x80 then decr left;
      if !left >= 0 then
        Buffer.add_char b (match c with '\n' | '\r' | '\t' -> ' ' | c -> c))
    text;
  Printf.printf "%s\t%s\t%s\n%!" name outcome (Buffer.contents b)

let failed name = function
  | XmlRpc.Error (code, text) ->
      line name "error" (Printf.sprintf "%d %s" code text) 120
  | e -> line name "error" (Printexc.to_string e) 120

(* The order of the members of a struct does not count. *)
let rec sorted = function
  | `Struct l ->
      let members = List.map (fun (name, v) -> (name, sorted v)) l in
      `Struct (List.sort compare members)
  | `Array l -> `Array (List.map sorted l)
  | v -> v

let call name want meth args =
  match client#call meth args with
  | answer ->
      if sorted answer = sorted want then Printf.printf "%s\tok\n%!" name
      else line name "got" (XmlRpc.dump answer) 80
  | exception e -> failed name e

(* check sends a value and takes it back. *)
let check name value = call name value "see" [ `String name; value ]

let fault () =
  match client#call "refuse" [ `String "please" ] with
  | answer -> line "fault" "got" (XmlRpc.dump answer) 80
  | exception XmlRpc.Error (42, "no <luck> & more") ->
      print_string "fault\tok\n"
  | exception e -> failed "fault" e

let () =
  check "int-max" (`Int 2147483647);
  check "int-min" (`Int (-2147483648));
  check "i8" (`Int 1099511627776);
  check "double" (`Double 1e300);
  check "fraction" (`Double 0.1);
  check "unicode" (`String "Grüße <b>&amp;</b> \"x\" 'y' ]]> 世界 🌍");
  check "spaces" (`String " two  spaces, line\nand\ttab ");
  check "empty" (`String "");
  check "true" (`Boolean true);
  check "false" (`Boolean false);
  check "nil" `Nil;
  check "date" (`DateTime (2024, 2, 29, 13, 45, 6, 0));
  check "binary" (`Binary (String.init 300 (fun i -> Char.chr (i land 255))));
  check "nested"
    (`Struct
      [ ("list",
         `Array
           [ `Int 1;
             `Array [ `Int 2; `String "three" ];
             `Struct [ ("four", `Double 4.5) ] ]);
        ("none", `Array []);
        ("empty", `Struct []) ]);
  call "none" (`String "nothing") "nothing" [];
  fault ()

/** x^y of the JavaScript engine: general powers are rare, and an implementation here would cost 4 KB. */
@external("env", "pow")
export declare function pow(x: f64, y: f64): f64;
